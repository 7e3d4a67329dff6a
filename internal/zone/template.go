package zone

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Template is the text that new zones are made of. Words between percent signs
// stand for what differs:
//
//	%domain%       the zone
//	%ip%           its address
//	%nameserver%   the first name server; %nameserver2% to %nameserver4% the others
//	%hostname%     the server
//	%rpemail%      who is responsible, with a dot in place of the @
//	%serial%       the first serial number
//	%now%          the time, in seconds since 1970
//
// A line with a word that stands for nothing is left out.
type Template struct{ text string }

// Values are what the words of a template stand for.
type Values struct {
	Domain      latchkey.Domain
	IP          string
	Nameservers []string // the first four count
	Hostname    string
	Contact     string // an address of who is responsible; "" for root at the server
	Now         time.Time
	Serial      uint32 // of a zone that was there before; 0 for a new one
}

// StandardTemplate has the records that people expect of a hosted domain.
var StandardTemplate = Template{text: `; cPanel first:latchkey (update_time):%now% hostname:%hostname% latest:latchkey
; Zone file for %domain%
$TTL 14400
%domain%.	86400	IN	SOA	%nameserver%.	%rpemail%. (
					%serial%	; serial
					3600	; refresh
					1800	; retry
					1209600	; expire
					86400	; minimum
					)
%domain%.	86400	IN	NS	%nameserver%.
%domain%.	86400	IN	NS	%nameserver2%.
%domain%.	86400	IN	NS	%nameserver3%.
%domain%.	86400	IN	NS	%nameserver4%.
%domain%.	14400	IN	A	%ip%
%domain%.	14400	IN	MX	0	%domain%.
mail	14400	IN	CNAME	%domain%.
www	14400	IN	CNAME	%domain%.
ftp	14400	IN	A	%ip%
cpanel	14400	IN	A	%ip%
webdisk	14400	IN	A	%ip%
whm	14400	IN	A	%ip%
webmail	14400	IN	A	%ip%
cpcalendars	14400	IN	A	%ip%
cpcontacts	14400	IN	A	%ip%
%domain%.	14400	IN	TXT	"v=spf1 ip4:%ip% +a +mx ~all"
`}

// first is how the first line of every zone begins: clients look for it.
const first = "; cPanel first"

// ParseTemplate reads a template. It must make a zone that can be served. Its
// first line is added if it is not there.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: strings.ReplaceAll(text, "\r\n", "\n")}
	if !strings.HasPrefix(t.text, first) {
		t.text = first + ":latchkey (update_time):%now% hostname:%hostname% latest:latchkey\n" + t.text
	}
	_, err := t.Zone(Values{
		Domain: "template.example", IP: "192.0.2.1", Hostname: "host.example",
		Nameservers: []string{"ns1.host.example", "ns2.host.example", "ns3.host.example", "ns4.host.example"}, Now: time.Unix(1_800_000_000, 0),
	})
	if err != nil {
		return Template{}, fmt.Errorf("the zone template makes no zone: %w", err)
	}
	return t, nil
}

var placeholder = regexp.MustCompile(`%[a-z0-9]+%`)

// Zone makes a zone. Name servers that lie in it get an address.
func (t Template) Zone(v Values) (*Zone, error) {
	words, err := v.words()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for line := range strings.Lines(t.text) {
		empty, unknown := false, ""
		line = placeholder.ReplaceAllStringFunc(line, func(word string) string {
			text, ok := words[word]
			if !ok {
				unknown = word
			}
			empty = empty || text == ""
			return text
		})
		if unknown != "" {
			return nil, latchkey.Errorf(latchkey.Invalid, "The zone template has the word %s, which stands for nothing.", unknown)
		}
		if !empty {
			b.WriteString(line)
		}
	}
	text := b.String()
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for _, ns := range v.Nameservers[:min(4, len(v.Nameservers))] {
		if ns = strings.ToLower(ns); strings.HasSuffix(ns, "."+string(v.Domain)) {
			text += ns + ".\t14400\tIN\tA\t" + v.IP + "\n"
		}
	}
	return Parse(v.Domain, text)
}

// HostName is name where it can stand in a zone as that of a host, and localhost
// where it cannot: what a machine calls itself is not always a name.
func HostName(name string) string {
	if name = strings.ToLower(strings.TrimSuffix(name, ".")); len(name) > 200 || hosts(name) != nil {
		return "localhost"
	}
	return name
}

func (v *Values) words() (map[string]string, error) {
	serial, err := Next(v.Serial, v.Now)
	if err != nil {
		return nil, err
	}
	words := map[string]string{
		"%domain%": string(v.Domain), "%ip%": v.IP, "%hostname%": v.Hostname, "%rpemail%": responsible(v.Contact, v.Hostname),
		"%serial%": strconv.FormatUint(uint64(serial), 10), "%now%": strconv.FormatInt(v.Now.Unix(), 10),
		"%nameserver%": "", "%nameserver2%": "", "%nameserver3%": "", "%nameserver4%": "",
	}
	for i, name := range []string{"%nameserver%", "%nameserver2%", "%nameserver3%", "%nameserver4%"} {
		if i < len(v.Nameservers) {
			words[name] = strings.TrimSuffix(v.Nameservers[i], ".")
		}
	}
	return words, nil
}

// responsible is an address as an SOA record has it.
func responsible(contact, hostname string) string {
	local, domain, ok := strings.Cut(contact, "@")
	if name := local + "." + domain + "."; ok && !strings.ContainsAny(local, ".") && written(name) {
		return strings.TrimSuffix(name, ".")
	}
	return "root." + hostname
}
