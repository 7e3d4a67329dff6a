package whm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
)

type versionData struct {
	Version string `json:"version"`
}

// WHM API 1: version.
func version(_ context.Context, h hosting.Host, _ api.None) (versionData, error) {
	return versionData{h.Server().Version}, nil
}

type hostnameData struct {
	Hostname string `json:"hostname"`
}

// WHM API 1: gethostname.
func hostname(_ context.Context, h hosting.Host, _ api.None) (hostnameData, error) {
	return hostnameData{h.Server().Hostname}, nil
}

type nameserverConfig struct {
	Nameservers []string `json:"nameservers"`
}

// WHM API 1: get_nameserver_config.
func listNameservers(_ context.Context, h hosting.Host, _ api.None) (nameserverConfig, error) {
	return nameserverConfig{h.Server().Nameservers}, nil
}

type addressList struct {
	IP []address `json:"ip"`
}

// address is one of the server's: the one that all accounts share. What is known of
// no interface is empty.
type address struct {
	Active    bool   `json:"active"`
	Dedicated bool   `json:"dedicated"`
	Interface string `json:"if"`
	IP        string `json:"ip"`
	Main      bool   `json:"mainaddr"`
	Mask      string `json:"netmask"`
	Network   string `json:"network"`
	Public    string `json:"public_ip"`
	Removable bool   `json:"removable"`
	Used      bool   `json:"used"`
}

// WHM API 1: listips.
func listAddresses(_ context.Context, h hosting.Host, _ api.None) (addressList, error) {
	ip := h.Server().IP
	return addressList{[]address{{Active: true, IP: ip, Main: true, Public: ip, Used: true}}}, nil
}

// loadAverage is the load as text, as the system has it.
type loadAverage struct {
	Fifteen string `json:"fifteen"`
	Five    string `json:"five"`
	One     string `json:"one"`
}

// WHM API 1: systemloadavg. WHM API 0: loadavg.
func showLoad(ctx context.Context, h hosting.Host, _ api.None) (loadAverage, error) {
	load, err := h.Load(ctx)
	text := func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
	return loadAverage{text(load[2]), text(load[1]), text(load[0])}, err
}

// role is a part that a server of this kind may have.
type role string

// Words are the roles there are.
func (role) Words() []string {
	return []string{"CalendarContact", "DNS", "FileStorage", "FTP", "MailLocal", "MailReceive", "MailRelay", "MailSend", "MySQL", "MySQLClient",
		"Postgres", "PostgresClient", "SpamFilter", "WebDisk", "Webmail", "WebServer"}
}

// ParseParam reads a role; capital and small letters differ.
func (r *role) ParseParam(text string) error {
	*r = role(text)
	return oneWord(text, r.Words())
}

// WHM API 1: is_role_enabled.
type roleParams struct {
	Role role `param:"role" doc:"The role; capital and small letters differ."`
}

type roleState struct {
	Enabled bool `json:"enabled"`
}

// roleEnabled knows the roles that have a part here: mail is taken and kept, and
// names are answered for where there is a name server.
func roleEnabled(_ context.Context, h hosting.Host, p roleParams) (roleState, error) {
	return roleState{p.Role == "MailLocal" || p.Role == "MailReceive" || p.Role == "DNS" && h.Server().DNS}, nil
}

type passwordStrength struct {
	Strength int `json:"strength"`
}

// WHM API 1: get_password_strength.
type rateParams struct {
	Password latchkey.Secret `param:"password" doc:"The password to rate. It is kept nowhere."`
}

func ratePassword(_ context.Context, _ hosting.Host, p rateParams) (passwordStrength, error) {
	return passwordStrength{password.Strength(p.Password)}, nil
}

// strengthFor is a parameter that says what passwords are for.
type strengthFor string

// Words are what passwords are for.
func (*strengthFor) Words() []string {
	return []string{"createacct", "default", "ftp", "list", "mysql", "passwd", "postgres", "sshkey", "virtual"}
}

// ParseParam takes one of the words.
func (f *strengthFor) ParseParam(text string) error {
	if !slices.Contains(f.Words(), text) {
		return fmt.Errorf("must be one of %s", strings.Join(f.Words(), ", "))
	}
	*f = strengthFor(text)
	return nil
}

// WHM API 1: getminimumpasswordstrengths.
type leastStrengthParams struct {
	For strengthFor `param:"name,optional" doc:"What the passwords are for; all that there is, if it is left out. The server asks the same of all."`
}

func leastStrengths(_ context.Context, h hosting.Host, p leastStrengthParams) (map[string]int, error) {
	least := map[string]int{}
	for _, name := range p.For.Words() {
		if p.For == "" || name == string(p.For) {
			least[name] = h.Server().MinStrength
		}
	}
	return least, nil
}

type privilegeData struct {
	Privileges []map[string]bool `json:"privileges"`
}

// WHM API 1: myprivs. The list has one element.
func showPrivileges(_ context.Context, h hosting.Host, _ api.None) (privilegeData, error) {
	return privilegeData{[]map[string]bool{switchesOf(h.Caller().Privileges, h.Caller().ReadOnly)}}, nil
}
