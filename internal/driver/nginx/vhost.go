package nginx

import (
	"bytes"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// nobodyFile is read before all others.
const nobodyFile = "00-nobody.conf"

// numberPath is where nginx tells, to this machine alone, which reload it has read.
const numberPath = "/.latchkey/reload"

// quote is a text as nginx's configuration has it. It must hold none of what
// [plain] refuses.
func quote(text string) string { return `"` + escape(text) + `"` }

func escape(text string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) }

// plain says why a text cannot stand in nginx's configuration, or nil: a $ would be
// read as a variable, whatever is around it.
func plain(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '$' }) {
		return latchkey.Errorf(latchkey.Invalid, "The path has a character that nginx cannot be told of.")
	}
	return nil
}

// vhost is the file of a site. Programs and what begins with a dot are not given
// out; links lead nowhere, from the home on: its owner can make a link of the
// document root itself; who comes by another name than the handshake's is sent
// away.
func (p *Part) vhost(s *Site) ([]byte, error) {
	if err := plain(s.Home + s.Root); err != nil {
		return nil, err
	}
	root := s.Home + "/" + s.Root
	_, crt, key := p.paths(s.Names[0])
	var names []string
	for _, n := range s.Names {
		names = append(names, string(n))
	}
	var b bytes.Buffer
	err := vhosts.Execute(&b, map[string]any{
		"Plain": p.o.Plain, "Secure": p.o.Secure, "Back": p.o.Back, "Names": strings.Join(names, " "), "Root": quote(root), "From": quote("from=" + s.Home),
		"TLS": s.Chain != "", "Redirects": s.SecureOnly && s.Chain != "", "Suspended": s.Suspended, "Chain": quote(crt), "Key": quote(key),
		"Port": otherPort(p.o.Secure),
	})
	return b.Bytes(), err
}

// otherPort is the port of an address as links have it: "" for that of HTTPS.
func otherPort(address string) string {
	port := address[strings.LastIndexByte(address, ':')+1:]
	if port == "443" {
		return ""
	}
	return ":" + port
}

// nobody is the file of what is given to who names no site, and of what nginx tells
// of itself.
func (p *Part) nobody() file {
	var b bytes.Buffer
	err := nobodys.Execute(&b, map[string]any{"Plain": p.o.Plain, "Secure": p.o.Secure, "Back": p.o.Back, "Path": numberPath, "Number": p.number})
	if err != nil {
		panic(err)
	}
	return file{path: filepath.Join(p.o.Dir, nobodyFile), text: b.Bytes(), mode: 0o600}
}

func parse(name, text string) *template.Template {
	return template.Must(template.New(name).Parse("# Written by Latchkey: what is changed here is lost.\n" + proofs + text))
}

const proofs = `{{define "proofs"}}{{if .Back}}
	location ^~ /.well-known/acme-challenge/ {
		proxy_pass http://{{.Back}};
		proxy_set_header Host $host;
	}{{end}}{{end}}{{define "content"}}{{if .Suspended}}
	location / {
		return 503;
	}{{else}}
	root {{.Root}};
	index index.html index.htm;
	autoindex off;
	disable_symlinks on {{.From}};
	location ~ (^|/)\. {
		return 404;
	}
	location ~* (^/cgi-bin/|\.(php[^/.]*|phtml|phar|cgi|pl|plx|ppl|shtml)(\.|$)) {
		return 403;
	}
	location / {
		try_files $uri $uri/ =404;
	}{{end}}{{end}}`

var vhosts = parse("vhost", `
server {
	listen {{.Plain}};
	server_name {{.Names}};
	server_tokens off;{{template "proofs" .}}{{if .Redirects}}
	location / {
		return 301 https://$host{{.Port}}$request_uri;
	}{{else}}{{template "content" .}}{{end}}
}
{{if .TLS}}
server {
	listen {{.Secure}} ssl http2;
	server_name {{.Names}};
	server_tokens off;
	ssl_certificate {{.Chain}};
	ssl_certificate_key {{.Key}};
	ssl_protocols TLSv1.2 TLSv1.3;
	if ($host != $ssl_server_name) {
		return 421;
	}{{template "content" .}}
}
{{end}}`)

var nobodys = parse("nobody", `
server {
	listen {{.Plain}} default_server;
	server_name _;
	server_tokens off;{{template "proofs" .}}
	location = {{.Path}} {
		allow 127.0.0.0/8;
		allow ::1;
		deny all;
		return 200 "{{.Number}}\n";
	}
	location / {
		return 404;
	}
}

server {
	listen {{.Secure}} ssl http2 default_server;
	server_name _;
	server_tokens off;
	ssl_reject_handshake on;
	return 421;
}
`)
