package email

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// lookFuncs look at mail: at what waits, at what is there, and at where it goes.
var lookFuncs = []api.Func[hosting.Account]{
	{Name: "get_held_message_count", Feature: boxes, Role: api.MailReceive, Scope: api.Things, Run: api.Run(countHeld),
		Doc: "Count the messages from a mailbox that are held."},
	{Name: "delete_held_messages", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteHeld),
		Doc: "Delete the messages from a mailbox that are held, and tell how many they were."},
	{Name: "browse_mailbox", API2: "browseboxes", Feature: boxes, Role: api.MailReceive, Scope: api.Things, Run: api.Run(browseMailbox), API2Data: browsedOfAPI2,
		Doc: "List what stands in a directory of mail."},
	{Name: "getabsbrowsedir", OnlyAPI2: true, Feature: boxes, Role: api.MailReceive, Scope: api.Things, Run: api.Run(absoluteDir),
		Doc: "Tell the whole path of a directory of mail."},
	{Name: "trace_delivery", Feature: latchkey.FeatureTraceAddress, Role: api.MailReceive, Scope: api.Things, Run: api.Run(traceDelivery),
		Doc: "Tell where mail for an address goes, as forwarders, mailboxes and default addresses have it."},
}

type heldParams struct {
	Email hosting.MailboxParam `param:"email,optional" doc:"The mailbox: its whole address, or its name if it is in the main domain. All of the account if nothing is said."`
}

// UAPI: Email::get_held_message_count.
func countHeld(ctx context.Context, acct hosting.Account, p heldParams) (int64, error) {
	if p.Email.Local == "" {
		return acct.Mail().Held(ctx, hosting.Address{})
	}
	a, err := mailboxOf(ctx, acct, p.Email, hosting.DomainParam{})
	if err != nil {
		return 0, err
	}
	return acct.Mail().Held(ctx, a)
}

// UAPI: Email::delete_held_messages.
func deleteHeld(ctx context.Context, acct hosting.Account, p suspendParams) (int64, error) {
	a, err := mailboxOf(ctx, acct, p.Email, hosting.DomainParam{})
	if err != nil {
		return 0, err
	}
	return acct.Mail().DropHeld(ctx, a)
}

type browseParams struct {
	Account owner  `param:"account,optional" doc:"The mailbox, by its address. All mail of the account if nothing, or its name, is said."`
	Dir     string `param:"dir,optional" doc:"The directory in it, by its path. Nothing, “default” and “mail” are the topmost."`
	Dots    bool   `param:"showdotfiles,optional" doc:"List also what begins with a dot, such as the folders of a mailbox."`
}

// dir is the mailbox and the directory that are meant, and that directory's path
// below the home.
func (p *browseParams) dir(acct hosting.Account) (of hosting.Address, dir, below string, err error) {
	if of, err = p.Account.in(acct, "account"); err != nil {
		return of, "", "", err
	}
	if dir = strings.Trim(p.Dir, "/"); dir == "default" || dir == "mail" || dir == "." {
		dir = ""
	}
	for step := range strings.SplitSeq(dir, "/") {
		if step == ".." {
			return of, "", "", latchkey.InvalidParam("dir", "The “dir” argument is invalid: it must be a path below the directory of mail.")
		}
	}
	return of, dir, path.Join("mail", string(of.Domain), of.Local, dir), nil
}

type browsedRow struct {
	Depth     int       `json:"depth"`
	File      string    `json:"file"`
	FullPath  string    `json:"fullpath"`
	IsLeaf    bool      `json:"isleaf"`
	IsMailbox bool      `json:"ismailbox"`
	Modified  time.Time `json:"mtime"`
	Path      string    `json:"path"`
	RelPath   string    `json:"relpath"`
	Type      string    `json:"type"`
}

// UAPI: Email::browse_mailbox.
func browseMailbox(ctx context.Context, acct hosting.Account, p browseParams) ([]browsedRow, error) {
	of, dir, below, err := p.dir(acct)
	if err != nil {
		return nil, err
	}
	list, err := acct.Mail().Browse(ctx, of, dir)
	rows := make([]browsedRow, 0, len(list))
	for _, f := range list {
		if f.Name[0] == '.' && !p.Dots {
			continue
		}
		at := path.Join(below, f.Name)
		kind := "file"
		if f.Dir {
			kind = "dir"
		}
		rows = append(rows, browsedRow{
			Depth: strings.Count(at, "/") + 1, File: f.Name, FullPath: path.Join(acct.Home(), at), IsLeaf: f.Leaf, IsMailbox: f.Folder,
			Modified: f.Modified, Path: path.Join(acct.Home(), below), RelPath: strings.TrimPrefix(at, "mail/"), Type: kind,
		})
	}
	return rows, err
}

type browsedRowOfAPI2 struct {
	browsedRow
	Modified string `json:"mtime"`
}

func browsedOfAPI2(data any) any {
	rows, ok := data.([]browsedRow)
	if !ok {
		return data
	}
	list := make([]browsedRowOfAPI2, len(rows))
	for i, r := range rows {
		list[i] = browsedRowOfAPI2{r, strconv.FormatInt(r.Modified.Unix(), 10)}
	}
	return list
}

type absoluteDirRow struct {
	AbsDir string `json:"absdir"`
}

type absoluteDirParams struct {
	Account owner  `param:"account,optional" doc:"The mailbox, by its address. All mail of the account if nothing, or its name, is said."`
	Dir     string `param:"dir,optional" doc:"The directory in it, by its path. Nothing, “default” and “mail” are the topmost."`
}

func absoluteDir(ctx context.Context, acct hosting.Account, p absoluteDirParams) (absoluteDirRow, error) {
	b := browseParams{Account: p.Account, Dir: p.Dir}
	of, dir, below, err := b.dir(acct)
	if err != nil {
		return absoluteDirRow{}, err
	}
	_, err = acct.Mail().Browse(ctx, of, dir) // it is there
	return absoluteDirRow{path.Join(acct.Home(), below)}, err
}
