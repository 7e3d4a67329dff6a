package notice

import (
	"fmt"
	"strings"
	"time"
)

// subject is what a notice is about, in a few words.
func (n *Notice) subject() string {
	what := map[Kind]string{
		Created: "was created", Rotated: "has a new secret", Ended: "has ended", Revoked: "was revoked by the administrator",
		Network: "was used from a new network",
	}[n.Kind]
	switch {
	case n.Kind == Ending:
		what = "ends " + n.soon() + ", on " + n.Expires.UTC().Format("2006-01-02")
	case n.Kind == Network && n.First:
		what = "was used for the first time"
	}
	return fmt.Sprintf("[%s] %s: API token %q %s", n.Server, n.Account, n.Token, what)
}

// text is a notice as people read it: what happened, to which token, what that
// may do, and what to do next.
func (n *Notice) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The API token %q of the account %s on %s %s.\n\n", n.Token, n.Account, n.Server, n.happened())
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-13s %s\n", name+":", value)
		}
	}
	line("Token", n.Token+" (handle "+n.Handle+")")
	line("When", stamp(n.At))
	line("By", n.By)
	line("From", n.origin())
	line("It may", n.May)
	line("From where", n.places())
	line("It ends", n.ends())
	b.WriteString("\n" + n.next())
	if n.Last {
		b.WriteString("\nThere were so many notices today that no more of them are sent for a day.\n")
	}
	fmt.Fprintf(&b, "\n-- \n%s sends this to the contact address of the account %s.\nNotices of this kind end with: uapi --user=%s Tokens set_notices %s=0\n", n.Server, n.Account, n.Account, n.Kind)
	return b.String()
}

// happened is the rest of a sentence that begins with the token.
func (n *Notice) happened() string {
	switch n.Kind {
	case Created:
		return "was created"
	case Rotated:
		if n.Overlap.After(n.At) {
			return "has a new secret. The one of before works until " + stamp(n.Overlap)
		}
		return "has a new secret. The one of before opens nothing any more"
	case Ending:
		return "ends " + n.soon() + ", on " + stamp(n.Expires)
	case Ended:
		return "has ended: " + n.Why
	case Revoked:
		return "was revoked by the administrator. It opens nothing any more"
	case Network:
		if n.First {
			return "was used for the first time, from the network " + n.Network
		}
		return "was used from a network that it was never used from before: " + n.Network
	}
	return "has changed"
}

// origin is from where, and by which program.
func (n *Notice) origin() string {
	switch {
	case n.From == "":
		return ""
	case n.Client == "":
		return n.From
	}
	return n.From + ", with " + n.Client
}

func (n *Notice) places() string {
	if len(n.Where) == 0 {
		return "everywhere"
	}
	return strings.Join(n.Where, ", ")
}

func (n *Notice) ends() string {
	switch {
	case n.Kind == Ended || n.Kind == Revoked:
		return ""
	case n.Expires.IsZero():
		return "never"
	}
	return stamp(n.Expires)
}

// next says what to do.
func (n *Notice) next() string {
	switch n.Kind {
	case Ending:
		return "If it is still needed, give it another end, or make a new one:\n\n" +
			n.means("update", "expires_at=SECONDS_SINCE_1970") + "\nIf not, nothing has to be done.\n"
	case Ended:
		return "If it is still needed, enable it again, or make a new one. If not, take it away:\n\n" + n.means("revoke", "")
	case Revoked:
		return "Programs that used it are refused. Ask the administrator why, before you make a new one.\n"
	}
	return "If you know of this, nothing has to be done. If not, take the token away at once and change\nthe account's password:\n\n" +
		n.means("revoke", "")
}

// means are the ways to do something with the token: by a call, if it is known
// where to, which is for accounts alone; and on the command line.
func (n *Notice) means(name, more string) string {
	call := fmt.Sprintf("/execute/Tokens/%s?name=%s", name, n.Token)
	command := fmt.Sprintf("uapi --user=%s Tokens %s name=%s", n.Account, name, n.Token)
	if n.Host {
		command = fmt.Sprintf("whmapi1 api_token_%s token_name=%s", name, n.Token)
	}
	if more != "" {
		call, command = call+"&"+more, command+" "+more
	}
	text := "  on the command line: " + command + "\n"
	if n.Site == "" || n.Host {
		return text
	}
	return "  over the API: " + n.Site + call + "\n" + text
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// soon is how long it is until the end.
func (n *Notice) soon() string {
	const day = 24 * time.Hour
	if left := (n.Expires.Sub(n.At) + day - 1) / day; left > 1 {
		return fmt.Sprintf("in %d days", left)
	}
	return "within a day"
}

// tame is n with no more of each of its texts than fits, on one line.
func (n *Notice) tame() *Notice {
	t := *n
	for _, text := range []*string{&t.Server, &t.Site, &t.Account, &t.Token, &t.Handle, &t.By, &t.From, &t.Client, &t.Network} {
		*text = oneLine(*text, 64)
	}
	t.May, t.Why = oneLine(n.May, 2000), oneLine(n.Why, 200)
	t.Where = nil
	for _, place := range n.Where {
		t.Where = append(t.Where, oneLine(place, 64))
	}
	return &t
}

// oneLine keeps what others have written from looking like lines of ours.
func oneLine(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}
