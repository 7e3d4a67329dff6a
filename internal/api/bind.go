package api

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Parser is a parameter type that reads itself. Its error is for the caller and
// says what is wrong with the value.
type Parser interface{ ParseParam(text string) error }

// Enumerated is a parameter type that takes only certain words.
type Enumerated interface{ Words() []string }

var (
	parserType = reflect.TypeFor[Parser]()
	argsType   = reflect.TypeFor[Args]()
	hiddenType = reflect.TypeFor[slog.LogValuer]() // what hides itself in logs is a secret
)

// field is how one field of a parameter struct is filled.
type field struct {
	index   []int
	param   Param
	whether bool // it is a pointer: it tells whether it was given
	set     func(v reflect.Value, text string) error
}

type binder[P any] struct {
	fields []field
	params []Param
}

func newBinder[P any]() *binder[P] {
	t := reflect.TypeFor[P]()
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("api.Run: %v is not a struct of parameters", t))
	}
	b := &binder[P]{}
	b.gather(t, nil)
	return b
}

// gather gathers the fields of t, which stands at index in P.
func (b *binder[P]) gather(t reflect.Type, index []int) {
	for i := range t.NumField() {
		at := append(slices.Clone(index), i)
		if sf := t.Field(i); sf.Anonymous && sf.Tag.Get("param") == "" && sf.Type.Kind() == reflect.Struct {
			b.gather(sf.Type, at)
			continue
		}
		f := newField(t, i)
		if slices.ContainsFunc(b.params, func(p Param) bool { return p.Name == f.param.Name }) {
			panic(fmt.Sprintf("api.Run: %v has the parameter %s twice", t, f.param.Name))
		}
		f.index = at
		b.fields = append(b.fields, f)
		b.params = append(b.params, f.param)
	}
}

func newField(t reflect.Type, i int) field {
	sf := t.Field(i)
	tag, ok := sf.Tag.Lookup("param")
	if !ok || !sf.IsExported() {
		panic(fmt.Sprintf("api.Run: %v.%s has no param tag", t, sf.Name))
	}
	name, option, _ := strings.Cut(tag, ",")
	f := field{param: Param{Name: name, Doc: sf.Tag.Get("doc"), Required: option != "optional"}}
	if name == "*" {
		if sf.Type != argsType {
			panic(fmt.Sprintf("api.Run: %v.%s must be api.Args", t, sf.Name))
		}
		f.param.Rest, f.param.Required = true, false
		return f
	}
	elem := sf.Type
	switch {
	case elem.Kind() == reflect.Slice && !reflect.PointerTo(elem).Implements(parserType):
		f.param.List, elem = true, elem.Elem()
	case elem.Kind() == reflect.Pointer:
		f.whether, elem = true, elem.Elem()
	}
	f.set, f.param.Type = setter(elem)
	if f.set == nil {
		panic(fmt.Sprintf("api.Run: %v.%s: a parameter cannot be a %v", t, sf.Name, sf.Type))
	}
	describe(&f.param, elem)
	if f.param.Resource != "" {
		f.param.names = naming(elem, f.set)
	}
	return f
}

// describe notes what a parameter's type says of itself.
func describe(p *Param, t reflect.Type) {
	p.Secret = t.Implements(hiddenType)
	zero := reflect.New(t)
	if e, ok := zero.Interface().(Enumerated); ok {
		p.Enum = e.Words()
	}
	if n, ok := zero.Elem().Interface().(Named); ok {
		p.Resource = n.Resource().Kind
	}
	if d, ok := zero.Interface().(interface{ ParamType() string }); ok {
		p.Type = d.ParamType()
	}
}

// naming reads a value of type t and says what it names.
func naming(t reflect.Type, set func(reflect.Value, string) error) func(string) (latchkey.Resource, bool) {
	return func(text string) (latchkey.Resource, bool) {
		v := reflect.New(t).Elem()
		if set(v, text) != nil {
			return latchkey.Resource{}, false
		}
		r := v.Interface().(Named).Resource()
		return r, r.Name != ""
	}
}

// setter is how a value of type t is read from text, and the type's public name.
func setter(t reflect.Type) (func(reflect.Value, string) error, string) {
	if reflect.PointerTo(t).Implements(parserType) {
		return func(v reflect.Value, text string) error { return v.Addr().Interface().(Parser).ParseParam(text) }, "string"
	}
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value, text string) error { v.SetString(text); return nil }, "string"
	case reflect.Bool:
		return setBool, "boolean"
	case reflect.Int64, reflect.Int:
		return setInt, "integer"
	}
	return nil, ""
}

func setBool(v reflect.Value, text string) error {
	on, err := ParseBool(text)
	if err != nil {
		return err
	}
	v.SetBool(on)
	return nil
}

// ParseBool reads a switch: 1 or 0, and what the languages that clients are
// written in make of one, in letters of any size. Nothing at all is off.
func ParseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "true", "yes", "y":
		return true, nil
	case "0", "false", "no", "n", "":
		return false, nil
	}
	return false, fmt.Errorf("must be 1 or 0")
}

func setInt(v reflect.Value, text string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return fmt.Errorf("must be a whole number")
	}
	v.SetInt(n)
	return nil
}

func (b *binder[P]) bind(p *P, args Args) error {
	if len(b.fields) == 0 {
		return nil
	}
	v := reflect.ValueOf(p).Elem()
	for i := range b.fields {
		f := &b.fields[i]
		if err := f.bind(v.FieldByIndex(f.index), args, b.params); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) bind(v reflect.Value, args Args, params []Param) error {
	switch {
	case f.param.Rest:
		v.Set(reflect.ValueOf(args.without(params)))
		return nil
	case f.param.List:
		return f.bindList(v, args)
	}
	text, given := args.Lookup(f.param.Name)
	if given && f.whether && (text != "" || v.Type().Elem().Kind() == reflect.String) {
		v.Set(reflect.New(v.Type().Elem()))
		return f.one(v.Elem(), text)
	}
	if !given || text == "" {
		if f.param.Required {
			return &latchkey.Error{Kind: latchkey.Missing, Param: f.param.Name}
		}
		return nil
	}
	return f.one(v, text)
}

func (f *field) bindList(v reflect.Value, args Args) error {
	texts := args.List(f.param.Name)
	if len(texts) == 0 {
		if f.param.Required {
			return &latchkey.Error{Kind: latchkey.Missing, Param: f.param.Name}
		}
		return nil
	}
	list := reflect.MakeSlice(v.Type(), len(texts), len(texts))
	for i, text := range texts {
		if err := f.one(list.Index(i), text); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// one reads one value, and says which parameter it was that could not be read.
func (f *field) one(v reflect.Value, text string) error {
	err := f.set(v, text)
	if err == nil {
		return nil
	}
	if e := latchkey.AsError(err); e.Kind != latchkey.Internal {
		if e.Param == "" {
			e.Param = f.param.Name
		}
		return e
	}
	return latchkey.InvalidParam(f.param.Name, "The “%s” argument is invalid: it %v.", f.param.Name, err)
}

// without are the arguments that no named parameter takes.
func (a Args) without(params []Param) Args {
	var rest Args
	for _, arg := range a {
		taken := false
		for _, p := range params {
			taken = taken || !p.Rest && (arg.Key == p.Name || p.List && numberOf(arg.Key, p.Name) >= 0)
		}
		if !taken {
			rest = append(rest, arg)
		}
	}
	return rest
}

// Shown are the values of args that may be shown: those of parameters that name
// a resource.
func Shown(params []Param, args Args) []string {
	var shown []string
	for _, p := range params {
		if p.Resource == "" || p.Secret {
			continue
		}
		for _, text := range args.List(p.Name) {
			if len(text) <= 255 {
				shown = append(shown, p.Name+"="+strings.ToValidUTF8(text, "?"))
			}
		}
	}
	return shown
}

// Touched are the resources that the values of args name, each once. What does
// not parse names none.
func Touched(params []Param, args Args) []latchkey.Resource {
	var named []latchkey.Resource
	for i := range params {
		p := &params[i]
		if p.names == nil || p.Secret {
			continue
		}
		for _, text := range args.List(p.Name) {
			if len(text) > 255 {
				continue
			}
			if r, ok := p.names(text); ok && !slices.Contains(named, r) {
				named = append(named, r)
			}
		}
	}
	return named
}
