package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// making is the form that makes a token, or changes what one may do.
type making struct {
	Form    *form
	Of      string // the token that is changed; "" for a new one
	Name    string
	Note    string
	Preset  string // an ID, "custom" or "text"
	Grants  string // as text
	Record  string
	Path    string
	Zones   []string
	Hosts   []string
	Names   []string // domains of a preset
	Only    []string // domains of a choice of one's own
	Levels  map[string]string
	Life    string
	Date    string
	Mine    bool
	From    string // further addresses
	Asked   asked
	Factor  bool // the account has a second factor
	Rules   rules
	Offer   offer
	Domains []domain
	Address string // the visitor's
	Min     string // the earliest day to end on
	Max     string // the latest; "" for any
	Link    string // that fills in the form so

	Line    string
	Clauses []clause
	Ends    stamp
	Full    bool
}

// asked is who asks for a token by a link, in their own words.
type asked struct{ Who, Why string }

// Presets and Areas are what the form offers.
func (m *making) Presets() []grant.Preset { return m.Offer.presets }
func (m *making) Areas() []area           { return m.Offer.areas }

// Needs reports whether a preset asks for things of a kind.
func (m *making) Needs(kind string) bool {
	return slices.ContainsFunc(m.Offer.presets, func(p grant.Preset) bool {
		return slices.ContainsFunc(p.Needs, func(k grant.Key) bool { return k.String() == kind })
	})
}

// Own are the domains that can have a zone of their own.
func (m *making) Own() []domain {
	return slices.DeleteFunc(slices.Clone(m.Domains), func(d domain) bool { return d.Kind == "sub" })
}

// Has reports whether text is in list.
func (m *making) Has(list []string, text string) bool { return slices.Contains(list, text) }

// Lives are the terms that the form offers, in days, as far as the administrator
// allows them.
func (m *making) Lives() []string {
	var lives []string
	for _, days := range []int{30, 90, 365} {
		if m.Rules.Longest == 0 || days <= m.Rules.Longest {
			lives = append(lives, strconv.Itoa(days))
		}
	}
	return lives
}

// Never reports whether a token may last for ever.
func (m *making) Never() bool { return m.Rules.Longest == 0 }

// newMaking is the form as it was filled in, or as a link fills it in.
func (v *visit) newMaking(of string) (*making, error) {
	m := &making{
		Form: &form{}, Of: of, Name: v.value("name"), Note: v.value("note"), Preset: v.value("preset"), Grants: v.value("grants"), Record: v.value("record"), Path: v.value("path"),
		Zones: v.values("zone"), Hosts: v.values("host"), Names: v.values("domain"), Only: v.values("only"), Levels: map[string]string{},
		Life: v.value("life"), Date: v.value("date"), Mine: v.value("mine") == "1", From: v.value("addresses"),
		Asked: asked{cut(v.value("for"), 80), cut(v.value("purpose"), 200)}, Offer: v.pages.offer(), Address: v.Origin.Addr.String(),
	}
	for i := range m.Offer.areas {
		id := m.Offer.areas[i].ID
		if level := v.value("area-" + id); level == "read" || level == "write" {
			m.Levels[id] = level
		}
	}
	if err := v.uapi("Tokens::get_policy", &m.Rules); err != nil {
		return nil, err
	}
	var err error
	if m.Domains, err = v.domains(); err != nil {
		return nil, err
	}
	for _, chosen := range []*[]string{&m.Zones, &m.Hosts, &m.Names, &m.Only} {
		*chosen = slices.DeleteFunc(*chosen, func(name string) bool {
			return !slices.ContainsFunc(m.Domains, func(d domain) bool { return d.Name == name })
		})
	}
	var factor struct {
		On int `json:"is_enabled"`
	}
	if err := v.uapi("TwoFactorAuth::get_user_configuration", &factor); err != nil {
		return nil, err
	}
	m.Factor = factor.On == 1
	m.usual(v.now())
	if v.r.Method == http.MethodGet {
		m.only()
	}
	return m, nil
}

// usual fills in what was left open.
func (m *making) usual(now time.Time) {
	if m.Preset == "" && m.Grants != "" {
		m.Preset = "text"
	}
	if m.Life == "" && m.Date != "" {
		m.Life = "date"
	}
	if m.Life == "" && m.Of == "" {
		m.Life = "365"
		if m.Rules.Default > 0 || m.Rules.Longest > 0 && m.Rules.Longest < 365 {
			m.Life = "date"
			days := m.Rules.Longest
			if m.Rules.Default > 0 {
				days = m.Rules.Default
			}
			m.Date = now.Add(time.Duration(days) * latchkey.Day).Add(-latchkey.Day).Format(time.DateOnly)
			if lives := m.Lives(); slices.Contains(lives, strconv.Itoa(days)) {
				m.Life, m.Date = strconv.Itoa(days), ""
			}
		}
	}
	m.Min = now.Format(time.DateOnly)
	if m.Rules.Latest != 0 {
		m.Max = m.Rules.Latest.Time().Add(-latchkey.Day).Format(time.DateOnly)
	}
}

// only chooses the domain of an account that has no other.
func (m *making) only() {
	if owned := m.Own(); len(owned) == 1 && m.Of == "" {
		m.Zones = []string{owned[0].Name}
	}
	if len(m.Domains) == 1 && m.Of == "" {
		m.Hosts, m.Names = []string{m.Domains[0].Name}, []string{m.Domains[0].Name}
	}
}

func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// set is what the token is to be allowed, as far as that is filled in.
func (m *making) set(say func(string, ...any) string) grant.Set {
	var set grant.Set
	var err error
	field := "preset"
	switch m.Preset {
	case "":
		m.Form.say("preset", say("create.choose"))
		return nil
	case "custom":
		set, err = m.custom(say)
	case "text":
		set, err = grant.Parse(m.Grants)
		if err != nil {
			m.Form.say("grants", say("create.bad_grants", "Text", err.Error()))
			return nil
		}
	default:
		set, err = m.preset(say)
		field = m.typed()
	}
	if err != nil {
		m.Form.say(field, err.Error())
		return nil
	}
	return set
}

// typed is the field of a preset that something is typed into, as long as what else
// it asks for is there.
func (m *making) typed() string {
	switch {
	case m.Preset == "dynamic_dns" && len(m.Zones) > 0:
		return "record"
	case m.Preset == "deploy":
		return "path"
	}
	return "preset"
}

// custom are the grants of the areas that were chosen.
func (m *making) custom(say func(string, ...any) string) (grant.Set, error) {
	var texts []string
	for i := range m.Offer.areas {
		a := &m.Offer.areas[i]
		if level := m.Levels[a.ID]; level != "" {
			texts = append(texts, a.grantsFor(level, m.Only)...)
		}
	}
	if len(texts) == 0 {
		return nil, errors.New(say("create.no_area"))
	}
	return grant.Parse(strings.Join(texts, ";"))
}

// preset are the grants of a job with what was chosen for it.
func (m *making) preset(say func(string, ...any) string) (grant.Set, error) {
	job, ok := grant.PresetOf(m.Preset)
	if !ok {
		return nil, errors.New(say("create.choose"))
	}
	values := map[grant.Key][]string{grant.Domain: m.Names, grant.Zone: m.Zones, grant.Host: m.Hosts}
	if m.Record != "" {
		values[grant.Name] = []string{m.Record}
	}
	if m.Path != "" {
		values[grant.Path] = []string{m.Path}
	}
	for _, key := range job.Needs {
		if len(values[key]) == 0 {
			return nil, errors.New(say("create.needs_" + key.String()))
		}
	}
	return job.Grants(values)
}

// expires is when the token is to end; zero for never.
func (m *making) expires(now time.Time, say func(string, ...any) string) (time.Time, bool) {
	switch m.Life {
	case "never":
		return time.Time{}, true
	case "date":
		day, err := time.Parse(time.DateOnly, m.Date)
		if err != nil || day.Add(latchkey.Day).Before(now) {
			m.Form.say("date", say("create.bad_date"))
			return time.Time{}, false
		}
		return day.Add(latchkey.Day - time.Second), true
	}
	days, err := strconv.Atoi(m.Life)
	if err != nil || days < 1 || days > 36500 {
		m.Form.say("life", say("create.bad_life"))
		return time.Time{}, false
	}
	return now.Add(time.Duration(days) * latchkey.Day), true
}

// addresses are from where the token may be used; none for everywhere.
func (m *making) addresses() []string {
	list := strings.FieldsFunc(m.From, func(r rune) bool { return r == ',' || r == ';' || r <= ' ' })
	if m.Mine && !slices.Contains(list, m.Address) {
		list = append(list, m.Address)
	}
	return list
}

// read reads the form into the arguments of a call. What is wrong is noted.
func (m *making) read(v *visit) []string {
	set := m.set(v.lang.say)
	var args []string
	if set != nil {
		text := set.String()
		m.Line, m.Clauses = v.lang.inWords([]string{text}, false)
		m.Full = text == grant.Full().String()
		args = append(args, "grants", text)
	}
	if m.Life != "keep" {
		if ends, ok := m.expires(v.now(), v.lang.say); ok {
			at := int64(0)
			if !ends.IsZero() {
				at = ends.Unix()
			}
			m.Ends = stamp(at)
			args = append(args, "expires_at", strconv.FormatInt(at, 10))
		}
	}
	from := m.addresses()
	for i, a := range from {
		args = append(args, "whitelist_ip-"+strconv.Itoa(i), a)
	}
	if len(from) == 0 && m.Of != "" {
		args = append(args, "whitelist_ip", "any")
	}
	m.Link = m.link(v)
	return append(args, "note", m.Note)
}

// link is an address that fills the form in as it is now: to ask somebody else for
// the token.
func (m *making) link(v *visit) string {
	q := url.Values{}
	add := func(key string, values ...string) {
		for _, value := range values {
			if value != "" {
				q.Add(key, value)
			}
		}
	}
	add("name", m.Name)
	add("preset", m.Preset)
	switch m.Preset {
	case "custom":
		for id, level := range m.Levels {
			add("area-"+id, level)
		}
	case "text":
		add("grants", m.Grants)
	}
	add("life", m.Life)
	add("date", m.Date)
	add("record", m.Record)
	add("path", m.Path)
	return v.url() + "/tokens/new?" + q.Encode()
}

// fieldsOf are the form's fields by the parameters that they fill in.
var fieldsOf = map[string]string{
	"name": "name", "grants": "grants", "preset": "preset", "expires_at": "date", "whitelist_ip": "addresses", "note": "note",
	"zone": "preset", "domain": "preset", "host": "preset", "path": "path", "record": "record",
}

// askNew shows the form: empty, or as a link fills it in. Nothing is sent by that.
func askNew(v *visit) error {
	m, err := v.newMaking("")
	if err != nil {
		return err
	}
	if m.Preset != "" {
		quiet := *m
		quiet.Form = &form{}
		quiet.read(v)
		m.Line, m.Clauses, m.Ends, m.Full, m.Link = quiet.Line, quiet.Clauses, quiet.Ends, quiet.Full, quiet.Link
	}
	v.show(http.StatusOK, "create", m)
	return nil
}

// makeNew makes the token, or shows what it would be.
func makeNew(v *visit) error {
	m, err := v.newMaking("")
	if err != nil {
		return err
	}
	if m.Name == "" {
		m.Form.say("name", v.lang.say("create.needs_label"))
	}
	args := m.read(v)
	if v.value("step") == "overview" {
		m.Form = &form{}
		v.show(http.StatusOK, "create", m)
		return nil
	}
	return m.send(v, "Tokens::create_limited", append([]string{"name", m.Name}, args...), func(t *token) error { return v.reveal(t, false) })
}

// askRights shows the form with what a token may do now.
func askRights(v *visit) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	m, err := v.newMaking(t.Name)
	if err != nil {
		return err
	}
	m.Note, m.Life, m.From = t.Note, "keep", strings.Join(t.Addresses, "\n")
	m.Preset, m.Grants = "text", strings.Join(t.Grants, ";\n")
	m.Line, m.Clauses, m.Ends, m.Full = t.Line, t.Clauses, t.Expires, t.Full()
	v.show(http.StatusOK, "create", m)
	return nil
}

// changeRights changes what a token may do.
func changeRights(v *visit) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	m, err := v.newMaking(t.Name)
	if err != nil {
		return err
	}
	args := m.read(v)
	if v.value("step") == "overview" {
		m.Form = &form{}
		v.show(http.StatusOK, "create", m)
		return nil
	}
	return m.send(v, "Tokens::update", append([]string{"name", t.Name}, args...), func(*token) error {
		v.done("token.changed", "Name", t.Name)
		v.redirect("/token/" + url.PathEscape(t.Name))
		return nil
	})
}

// check notes what the server would refuse. It is asked before a call with a code,
// which is used up by the call whatever comes of it.
func (m *making) check(v *visit) error {
	from := m.addresses()
	_, unread := latchkey.ParseAddresses(from)
	if unread != nil {
		unread = latchkey.InvalidParam("whitelist_ip", "%v.", unread)
	}
	wrong := []error{hosting.CheckNote(m.Note), unread}
	if m.Of == "" {
		wrong = append(wrong, hosting.CheckTokenName("name", m.Name), m.free(v))
	}
	for _, err := range wrong {
		if err := m.Form.refuse(err, fieldsOf); err != nil {
			return err
		}
	}
	m.keep(v, len(from))
	return nil
}

// free says why no new token can have the name.
func (m *making) free(v *visit) error {
	err := v.uapi("Tokens::get_details", nil, "name", m.Name)
	switch {
	case err == nil:
		m.Form.say("name", v.lang.say("create.taken"))
	case latchkey.KindOf(err) == latchkey.NotFound, latchkey.KindOf(err) == latchkey.Invalid:
		return nil
	}
	return err
}

// keep notes the administrator's rules that the token would not keep.
func (m *making) keep(v *visit, addresses int) {
	if m.Rules.May != 1 && m.Of == "" { // there may be no room for another
		m.Form.list = append(m.Form.list, wrong{"", m.Rules.Reason, true})
	}
	if m.Rules.Full != 1 {
		m.Form.say("preset", v.lang.say("create.no_full"))
	}
	if m.Rules.Latest != 0 && m.Life != "keep" && (m.Ends == 0 || m.Ends > m.Rules.Latest) {
		m.Form.say("life", v.lang.say("create.longest", "Count", m.Rules.Longest))
	}
	if m.Rules.Addresses == 1 && addresses == 0 {
		m.Form.say("addresses", v.lang.say("create.addresses_needed"))
	}
}

// send makes the call that the form is for. For a token that may do everything it
// is made with the password, given once more, in place of the session.
func (m *making) send(v *visit, function string, args []string, then func(*token) error) error {
	cred := v.Cred
	if m.Full && !m.Form.Bad() {
		if v.caller.Looking {
			return latchkey.Errorf(latchkey.Denied, "%s", v.lang.say("create.not_from_here"))
		}
		cred = request.Password(string(v.caller.Name), v.form.Text("password"), v.value("code"))
		if err := m.check(v); err != nil {
			return err
		}
		if cred.Scheme != latchkey.SchemeBasic {
			m.Form.say("password", v.lang.say("create.password_needed"))
		}
	}
	if m.Form.Bad() {
		v.show(http.StatusUnprocessableEntity, "create", m)
		return nil
	}
	var t token
	module, name, _ := strings.Cut(function, "::")
	err := v.callAs(cred, call.UAPI, module, name, &t, args...)
	if m.Full && latchkey.KindOf(err) == latchkey.BadCredentials && err != nil {
		m.Form.say("password", v.lang.say("create.password_wrong"))
	} else if err := m.Form.refuse(err, fieldsOf); err != nil {
		return err
	}
	if m.Form.Bad() {
		v.show(http.StatusUnprocessableEntity, "create", m)
		return nil
	}
	return then(&t)
}
