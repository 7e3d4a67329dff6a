// Package openapi describes the functions of a registry to people and to
// programs: an OpenAPI document and pages of text. The same registry gives the
// same bytes. Start at [Book].
package openapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Book is what there is to describe.
type Book struct {
	Functions []*api.Entry      // see [api.Registry.All]
	Modules   map[string]string // what a module is about, by its name
	Version   string            // of the public documentation that is followed
}

// JSON is the OpenAPI 3.1 document of every function.
func (b Book) JSON() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(b.document())
	return text.Bytes(), err
}

const about = `Every function of this server, as OpenAPI 3.1. The interface is the one that cPanel documents in public; this project is not affiliated with cPanel.

Account functions stand under ` + "`/execute/Module/function`" + `, on port 2083. They can also be called as ` + "`/json-api/cpanel`" + ` with ` + "`cpanel_jsonapi_module`" + `, ` + "`cpanel_jsonapi_func`" + ` and ` + "`cpanel_jsonapi_apiversion`" + ` (3: the same answer under ` + "`result`" + `; 2, the default: cPanel API 2, where ` + "`x-api2`" + ` is the function's name). The administrator's functions stand under ` + "`/json-api/NAME`" + `, on port 2087.

Whether a call worked is in its answer's ` + "`status`" + ` (account) or ` + "`metadata.result`" + ` (administrator): a call that was understood answers with HTTP status 200, also where it failed.

Each function takes GET and POST, and POST takes a form, multipart or JSON. Every function that answers a list also takes ` + "`api.filter_column`, `api.filter_type`, `api.filter_term`, `api.sort_column`, `api.sort_method`, `api.sort_reverse`, `api.paginate`, `api.paginate_start`, `api.paginate_size`" + ` and ` + "`api.columns`" + ` (for the administrator ` + "`api.filter.a.field`" + ` and so on).

On each function: ` + "`x-readonly`" + ` tells whether a read-only token may call it, ` + "`x-feature`" + ` names the feature that the account needs, ` + "`x-role`" + ` the part of the server that must be there, ` + "`x-api2`" + ` its name in cPanel API 2.`

func (b Book) document() *document {
	d := &document{
		OpenAPI: "3.1.0",
		Info: info{
			Title: "Latchkey", Version: b.Version, Summary: "An open server compatible with cPanel's public API", Description: about,
			License: license{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers:    []server{accountServer},
		Paths:      map[string]path{},
		Components: components{Schemas: envelopes(), Responses: answers(), SecuritySchemes: securitySchemes},
	}
	for _, e := range b.Functions {
		if e.OnlyAPI2 { // all of them have one path
			continue
		}
		d.Paths[route(e)] = b.path(e)
		d.Components.Schemas[bodyName(e)] = body(e)
	}
	for _, name := range b.modules() {
		d.Tags = append(d.Tags, tag{Name: name, Description: b.Modules[name]})
	}
	return d
}

// modules are the names of the modules that have functions.
func (b Book) modules() []string {
	var names []string
	for _, e := range b.Functions {
		if !slices.Contains(names, e.Module) {
			names = append(names, e.Module)
		}
	}
	slices.SortFunc(names, func(x, y string) int { return strings.Compare(strings.ToLower(x), strings.ToLower(y)) })
	return names
}

func forHost(e *api.Entry) bool { return e.Audience == latchkey.ForHost }

func route(e *api.Entry) string {
	if forHost(e) {
		return "/json-api/" + e.Name
	}
	if e.OnlyAPI2 {
		return "/json-api/cpanel"
	}
	return "/execute/" + e.Module + "/" + e.Name
}

func (b Book) path(e *api.Entry) path {
	p := path{Get: operationOf(e, "_get"), Post: operationOf(e, "")}
	p.Get.Parameters = parameters(e)
	p.Post.RequestBody = requestBody(e)
	if forHost(e) {
		p.Servers = []server{hostServer}
		p.Post.Parameters = []parameter{apiVersion}
	}
	return p
}

func operationOf(e *api.Entry, suffix string) *operation {
	o := &operation{
		ID: bodyName(e) + suffix, Summary: e.Doc, Tags: []string{e.Module}, Security: accountSecurity, Responses: accountResponses,
		ReadOnly: e.Effect == api.Read, Feature: e.Feature.String(), Role: string(e.Role), API2: e.API2,
	}
	if forHost(e) {
		o.Security, o.Responses = hostSecurity, hostResponses
	}
	return o
}

// parameters are those of a GET. Any further arguments are described as an
// object whose members are the arguments.
func parameters(e *api.Entry) []parameter {
	var list []parameter
	if forHost(e) {
		list = append(list, apiVersion)
	}
	for _, p := range e.Params() {
		q := parameter{Name: p.Name, In: "query", Description: p.Doc, Required: p.Required, Schema: schemaOf(p)}
		switch {
		case p.Rest:
			q.Name, q.Style, q.Explode = "arguments", "form", true
		case p.List:
			q.Style, q.Explode = "form", true
		}
		list = append(list, q)
	}
	return list
}

func bodyName(e *api.Entry) string { return e.Module + "_" + e.Name }

// body is the object whose members are the arguments of e.
func body(e *api.Entry) *schema {
	s := &schema{Type: "object"}
	for _, p := range e.Params() {
		if p.Rest {
			s.Additional = &schema{}
			continue
		}
		if s.Properties == nil {
			s.Properties = map[string]*schema{}
		}
		s.Properties[p.Name] = schemaOf(p)
		s.Properties[p.Name].Description = p.Doc
		if p.Required {
			s.Required = append(s.Required, p.Name)
		}
	}
	return s
}

func requestBody(e *api.Entry) *request {
	media := map[string]content{}
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data", "application/json"} {
		media[kind] = content{Schema: refer("schemas", bodyName(e))}
	}
	return &request{Required: len(body(e).Required) > 0, Content: media}
}

// schemaOf is a parameter's type. A boolean travels as 1 or 0.
func schemaOf(p api.Param) *schema {
	s := &schema{Type: p.Type, Resource: p.Resource}
	switch {
	case p.Rest:
		return &schema{Type: "object", Additional: &schema{Type: "string"}}
	case p.Type == "boolean":
		s.Type, s.Enum = "integer", []any{0, 1}
	case p.Secret:
		s.Format = "password"
	}
	for _, word := range p.Enum {
		s.Enum = append(s.Enum, word)
	}
	if p.List {
		return &schema{Type: "array", Items: s}
	}
	return s
}
