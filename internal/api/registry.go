package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Entry is a function as the registry knows it, whatever it acts on.
type Entry struct {
	Module, Name, API2, Doc string
	Audience                latchkey.Audience
	Feature                 latchkey.Feature
	Role                    Role
	Effect                  Effect
	Scope                   Scope
	Privilege               latchkey.Privilege
	Params                  func() []Param
	API2Data                func(data any) any
	Reason                  string
	API0                    *encode.Template // nil where WHM API 0 does not know the function
	API0Data                func(data any) any
	Meta                    bool
	OnlyAPI2                bool
	Mailbox                 bool
	Lists                   bool

	// One of the two, by Audience.
	OnAccount func(ctx context.Context, on hosting.Account, args Args) (any, error)
	OnHost    func(ctx context.Context, on hosting.Host, args Args) (any, error)

	full string
}

// FullName is Module::name, as logs and the audit trail write it.
func (e *Entry) FullName() string { return e.full }

// Registry knows every function. It is built once, at start, and never changes.
type Registry struct {
	modules map[string]map[string]*Entry
	api2    map[string]map[string]*Entry
	host    map[string]*Entry
	all     []*Entry
}

// NewRegistry registers modules of account functions and of host functions. It
// panics if a function is declared twice.
func NewRegistry(account []Module[hosting.Account], host []Module[hosting.Host]) *Registry {
	r := &Registry{modules: map[string]map[string]*Entry{}, api2: map[string]map[string]*Entry{}, host: map[string]*Entry{}}
	for _, m := range account {
		for _, f := range m.Funcs {
			e := entry(m.Name, f, latchkey.ForAccount)
			e.OnAccount = f.Run.Call
			if !e.OnlyAPI2 {
				add(r.modules, m.Name, f.Name, e)
			}
			if e.API2 != "" {
				add(r.api2, m.Name, e.API2, e)
			}
			r.all = append(r.all, e)
		}
	}
	for _, m := range host {
		for _, f := range m.Funcs {
			e := entry(m.Name, f, latchkey.ForHost)
			e.OnHost = f.Run.Call
			e.API0 = f.API0.template(f.Name)
			e.full = "whm::" + f.Name
			if r.host[f.Name] != nil {
				panic("declared twice: " + f.Name)
			}
			r.host[f.Name] = e
			r.all = append(r.all, e)
		}
	}
	slices.SortFunc(r.all, func(a, b *Entry) int { return strings.Compare(a.full, b.full) })
	return r
}

func entry[A any](module string, f Func[A], audience latchkey.Audience) *Entry {
	if f.OnlyAPI2 {
		f.API2 = f.Name
	}
	return &Entry{
		Module: module, Name: f.Name, API2: f.API2, Doc: f.Doc, Audience: audience, Feature: f.Feature, Role: f.Role, Effect: f.Effect, Scope: f.Scope, Privilege: f.Privilege,
		Params: f.Run.Params, API2Data: f.API2Data, Reason: f.Reason, API0Data: f.API0Data, Meta: f.Meta, OnlyAPI2: f.OnlyAPI2, Mailbox: f.Mailbox, Lists: f.Lists, full: module + "::" + f.Name,
	}
}

func add(to map[string]map[string]*Entry, module, name string, e *Entry) {
	if to[module] == nil {
		to[module] = map[string]*Entry{}
	}
	if to[module][name] != nil {
		panic(fmt.Sprintf("declared twice: %s::%s", module, name))
	}
	to[module][name] = e
}

// Account finds an account function by its UAPI name. Names are case-sensitive.
func (r *Registry) Account(module, name string) (*Entry, error) {
	return lookUp(r.modules, module, name)
}

// API2 finds an account function by its API 2 name.
func (r *Registry) API2(module, name string) (*Entry, error) {
	return lookUp(r.api2, module, name)
}

func lookUp(in map[string]map[string]*Entry, module, name string) (*Entry, error) {
	m, ok := in[module]
	if !ok {
		return nil, &latchkey.Error{Kind: latchkey.UnknownModule, Param: module}
	}
	e, ok := m[name]
	if !ok {
		return nil, &latchkey.Error{Kind: latchkey.UnknownFunction, Param: name}
	}
	return e, nil
}

// Host finds a WHM function.
func (r *Registry) Host(name string) (*Entry, error) {
	if e, ok := r.host[name]; ok {
		return e, nil
	}
	return nil, &latchkey.Error{Kind: latchkey.UnknownFunction, Param: name}
}

// Host0 finds a WHM function that WHM API 0 knows too.
func (r *Registry) Host0(name string) (*Entry, error) {
	if e, ok := r.host[name]; ok && e.API0 != nil {
		return e, nil
	}
	return nil, &latchkey.Error{Kind: latchkey.UnknownFunction, Param: name}
}

// Reads reports whether there is an account function of that name that changes
// nothing.
func (r *Registry) Reads(module, name string) bool {
	e, err := r.Account(module, name)
	return err == nil && e.Effect == Read
}

// All are all functions, by name.
func (r *Registry) All() []*Entry { return r.all }
