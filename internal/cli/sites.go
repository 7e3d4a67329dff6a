package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/nginx"
	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/server"
)

// webserver is the part that serves the accounts' sites: embedded, nginx or off.
func webserver(c config.Config) (string, error) {
	switch c.Webserver {
	case "", "off":
		return "off", nil
	case "nginx":
		if c.NginxSites == "" {
			return "", errors.New("nginx_sites is not set: name a directory that nginx includes")
		}
		return "nginx", nil
	case "auto":
		if c.NginxSites != "" {
			return "nginx", nil
		}
		return "embedded", nil
	case "embedded":
		return "embedded", nil
	}
	return "", fmt.Errorf("webserver is %q: use auto, embedded, nginx or off", c.Webserver)
}

// serveSites makes the part that serves the accounts' sites.
func (h *house) serveSites(ctx context.Context, c *config.Config, web string, embedded sites.Options) error {
	if web == "off" {
		return nil
	}
	h.sites = sites.New(embedded)
	h.estate.Web = h.sites
	if web == "embedded" {
		return nil
	}
	part, err := nginxPart(*c, h.estate.Vhosts(), embedded.Log)
	if err == nil {
		err = part.Reshape(ctx)
	}
	switch {
	case err == nil:
		// What is left of the server's own part gives proofs to nginx.
		h.estate.Web, c.Sites, c.SitesTLS = part, c.NginxBack, "off"
	case c.Webserver == "nginx":
		return err
	default:
		embedded.Log.Warn("nginx is not used: the server serves the accounts' sites itself", "err", err)
	}
	return nil
}

// nginxPart is nginx as the configuration has it.
func nginxPart(c config.Config, source nginx.Source, log *slog.Logger) (*nginx.Part, error) {
	dir, err := filepath.Abs(c.NginxSites)
	if err != nil {
		return nil, err
	}
	command := strings.Fields(c.NginxCommand)
	if len(command) == 0 {
		return nil, errors.New("nginx_command is empty: say nginx")
	}
	o := nginx.Options{Source: source, Dir: dir, Command: command, Back: c.NginxBack, Logger: log}
	if o.Plain, err = listensAt(c.Sites, "80"); err == nil {
		o.Secure, err = listensAt(c.SitesTLS, "443")
	}
	if err != nil {
		return nil, err
	}
	return nginx.New(o)
}

// listensAt is where nginx listens, by a setting.
func listensAt(setting, port string) (string, error) {
	if setting == "auto" {
		return "0.0.0.0:" + port, nil
	}
	host, at, err := net.SplitHostPort(setting)
	if err != nil {
		return "", fmt.Errorf("nginx needs the settings sites and sites_tls: %q is no address such as 0.0.0.0:%s", setting, port)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, at), nil
}

// own is the certificate of the server's own name, nil before there is one.
func (h *house) own() *tls.Certificate {
	if h.server == nil {
		return nil
	}
	return h.server.Certificate.Load()
}

// sites can be listened for, and the settings are understood.
func (d *doctor) sites() []finding {
	web, err := webserver(d.config)
	switch {
	case d.config.Webserver == "":
		return nil
	case err != nil:
		return []finding{trouble("mend it", "%v", err)}
	case web == "off":
		return []finding{remark("", "the accounts' sites are not served (webserver is off)")}
	}
	if web == "nginx" {
		return d.nginx()
	}
	process, _ := d.serverProcess()
	var list []finding
	for i, p := range []struct{ setting, address string }{{"sites", d.config.Sites}, {"sites_tls", d.config.SitesTLS}} {
		switch p.address {
		case "", "off":
			list = append(list, remark("", "nobody can reach the accounts' sites by %s (it is off)", p.setting))
		case "auto":
			f := port(p.setting, server.SitesAuto[i], process)
			if f.State == problem { // the server starts all the same
				f.State, f.Text = note, "nobody can reach the accounts' sites there: "+f.Text
			}
			list = append(list, f)
		default:
			list = append(list, port(p.setting, p.address, process))
		}
	}
	return list
}

// nginx is there, and takes what stands in its configuration.
func (d *doctor) nginx() []finding {
	command := strings.Fields(d.config.NginxCommand)
	if len(command) == 0 {
		return []finding{trouble("set nginx_command", "nginx_command is empty")}
	}
	out, err := exec.Command(command[0], append(command[1:], "-t")...).CombinedOutput()
	if err != nil {
		return []finding{trouble("mend nginx's configuration; it must include "+d.config.NginxSites+"/*.conf within http", "nginx cannot serve the accounts' sites: %v: %.300s", err, out)}
	}
	return []finding{fine("nginx serves the accounts' sites by the files in %s", d.config.NginxSites)}
}
