package cli

import (
	"crypto/tls"
	"fmt"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/server"
)

// webserver is the part that serves the accounts' sites: embedded or off.
func webserver(c config.Config) (string, error) {
	switch c.Webserver {
	case "", "off":
		return "off", nil
	case "auto", "embedded":
		return "embedded", nil
	}
	return "", fmt.Errorf("webserver is %q: use auto, embedded or off", c.Webserver)
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
