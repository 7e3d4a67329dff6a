package whm

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// service is what a session is for.
type service string

var services = []string{"cpaneld", "whostmgrd", "webmaild"}

// audiences are the doors of the services.
var audiences = map[service]latchkey.Audience{"cpaneld": latchkey.ForAccount, "whostmgrd": latchkey.ForHost, "webmaild": latchkey.ForWebmail}

// Words are the services there are.
func (service) Words() []string { return services }

// ParseParam reads a service.
func (s *service) ParseParam(text string) error {
	*s = service(text)
	return oneWord(text, services)
}

// WHM API 1: create_user_session.
type createSessionParams struct {
	User    string              `param:"user" doc:"The account, or for webmaild the mailbox, that is to be signed in."`
	Service service             `param:"service" doc:"The service it is for: cpaneld, whostmgrd or webmaild."`
	App     string              `param:"app,optional" doc:"The page to begin with. There are no pages yet: the session is made all the same."`
	Locale  string              `param:"locale,optional" doc:"Accepted. There is one locale."`
	Domain  hosting.DomainParam `param:"preferred_domain,optional" doc:"The name to put into the address: the server's, or the account's main domain."`
	Token   string              `param:"cp_security_token,optional" doc:"Accepted, without effect: the session has its own."`
	Prompt  string              `param:"promptToken,optional" doc:"Accepted, without effect."`
}

type createdSession struct {
	Token   string  `json:"cp_security_token"`
	Expires int64   `json:"expires"`
	Service service `json:"service"`
	Session string  `json:"session"`
	URL     string  `json:"url"`
}

func createUserSession(ctx context.Context, h hosting.Host, p createSessionParams) (api.Answer, error) {
	n := hosting.NewSession{Audience: audiences[p.Service]}
	var err error
	if n.Audience == latchkey.ForWebmail {
		if n.Mailbox, err = hosting.ParseAddress(p.User); err != nil {
			return api.Answer{}, latchkey.InvalidParam("user", "For webmaild the “user” argument must be an email account, such as user@example.com.")
		}
	} else {
		n.User = latchkey.AccountName(strings.ToLower(p.User))
	}
	site, err := url.Parse(h.Server().Site(n.Audience))
	if err != nil || site.Host == "" {
		return api.Answer{}, latchkey.Errorf(latchkey.RoleOff, "The service “%s” has no port on this server.", p.Service)
	}
	if err := p.prefer(ctx, h, n, site); err != nil {
		return api.Answer{}, err
	}
	out, err := h.SignIns().HandOver(ctx, n)
	if err != nil {
		return api.Answer{}, err
	}
	token := "/" + out.Prefix
	site.Path = token + "/login/"
	site.RawQuery = url.Values{"session": {out.Secret.Reveal()}}.Encode()
	return api.Answer{Data: createdSession{token, out.Ends.Unix(), p.Service, out.Secret.Reveal(), site.String()}}, nil
}

// prefer puts the preferred domain into the address: a link that signs somebody
// in must not lead to a stranger's server.
func (p *createSessionParams) prefer(ctx context.Context, h hosting.Host, n hosting.NewSession, site *url.URL) error {
	wanted := p.Domain.Domain
	if wanted == "" || string(wanted) == h.Server().Hostname {
		return nil
	}
	name := n.User
	if name == "" || n.Audience == latchkey.ForHost {
		return latchkey.InvalidParam("preferred_domain", "The domain “%s” is not the server’s: leave “preferred_domain” out.", wanted)
	}
	a, err := h.Account(ctx, name)
	if err != nil {
		return err
	}
	if a.Domain != wanted {
		return latchkey.InvalidParam("preferred_domain", "The domain “%s” is not the main domain of the account “%s”.", wanted, name)
	}
	site.Host = net.JoinHostPort(string(wanted), site.Port())
	return nil
}
