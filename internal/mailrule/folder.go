package mailrule

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckFolder says why messages cannot be saved to a folder, or nil.
func CheckFolder(name string) error {
	if name == "" || name == Nowhere {
		return nil
	}
	odd := func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || strings.ContainsRune(`/\%*"~`, r)
	}
	if !utf8.ValidString(name) || len(name) > 120 || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("must be the name of a folder, with 120 bytes at most, and without / \\ %% * ~ and quotes")
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || strings.TrimSpace(part) != part {
			return fmt.Errorf("must be the name of a folder, whose parts are separated by single dots")
		}
	}
	return nil
}

// ParseFolder reads where a filter of the mailbox local@domain, or of the account
// if that is "", saves messages: a folder by its name, with INBOX. before it or
// not, or by its path in a Maildir, below the home or below its mail.
func ParseFolder(text, home, domain, local string) (string, error) {
	if text == Nowhere {
		return text, nil
	}
	path := text
	for _, root := range []string{strings.TrimSuffix(home, "/") + "/", "$home/"} {
		if rest, ok := strings.CutPrefix(path, root); ok {
			path = "/" + strings.TrimPrefix(rest, "mail/")
		}
	}
	path = strings.TrimPrefix(path, "/mail/")
	path = strings.Trim(path, "/")
	if local != "" {
		if rest, ok := strings.CutPrefix(path, domain+"/"+local); ok && (rest == "" || rest[0] == '/') {
			path = strings.Trim(rest, "/")
		}
	}
	path = strings.TrimPrefix(path, ".")
	if strings.EqualFold(path, "INBOX") {
		path = ""
	} else if len(path) > 6 && strings.EqualFold(path[:6], "INBOX.") {
		path = path[6:]
	}
	if strings.Contains(path, "/") {
		return "", fmt.Errorf("must be a folder of the mailbox that the message is for, such as INBOX.Work: this server keeps mail nowhere else")
	}
	return path, CheckFolder(path)
}

// FolderPath is the path of a folder below a home's mail, as clients are shown it.
func FolderPath(folder, domain, local string) string {
	if folder == Nowhere {
		return folder
	}
	path := ""
	if local != "" {
		path = "/" + domain + "/" + local
	}
	if folder != "" {
		path += "/." + folder
	}
	if path == "" {
		path = "/"
	}
	return path
}
