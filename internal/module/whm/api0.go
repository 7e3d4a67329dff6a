package whm

import (
	"strconv"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// The shapes of WHM API 0 that one function has, or two.
const (
	createdShape  api.Shape0 = `{"result":[{"options":data,"rawout":"","status":status,"statusmsg":text}]}`
	modifiedShape api.Shape0 = `{"result":[{"messages":messages,"newcfg":data,"status":status,"statusmsg":text,"warnings":warnings}]}`
	passwordShape api.Shape0 = `{"passwd":[{"rawout":null,"services":null,"status":status,"statusmsg":text}]}`
	quotaShape    api.Shape0 = `{"output":null,"result":[{"status":status,"statusmsg":text}]}`
	limitShape    api.Shape0 = `{"result":[{"bwlimit":data,"status":status,"statusmsg":text}]}`
	domainShape   api.Shape0 = `{"result":[{"status":status,"statusmsg":text}],"userdata":data.userdata}`
	countsShape   api.Shape0 = `{"reseller":data,"result":[{"status":status,"statusmsg":text}]}`
	packageShape  api.Shape0 = `{"result":[{"pkg":data.pkg,"status":status,"statusmsg":text}]}`
)

// createdOfAPI0 has null for nameservers that are not there.
func createdOfAPI0(data any) any {
	a, ok := data.(createdAccount)
	if !ok {
		return data
	}
	return struct {
		createdAccount
		Nameserver3 *string `json:"nameserver3"`
		Nameserver4 *string `json:"nameserver4"`
	}{a, orNull(a.Nameserver3), orNull(a.Nameserver4)}
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// accountsOfAPI0 has the time an account was made as text.
func accountsOfAPI0(data any) any {
	list, _ := data.(map[string]any)
	rows, _ := list["acct"].([]any)
	for i, row := range rows {
		switch row := row.(type) {
		case *accountRow:
			rows[i] = struct {
				*accountRow
				UnixStartDate string `json:"unix_startdate"`
			}{row, unixText(row.UnixStartDate)}
		case map[string]any:
			if at, ok := row["unix_startdate"].(time.Time); ok {
				row["unix_startdate"] = unixText(at)
			}
		}
	}
	return data
}

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// privilegesOfAPI0 is the one element of the list.
func privilegesOfAPI0(data any) any {
	if p, ok := data.(privilegeData); ok && len(p.Privileges) == 1 {
		return p.Privileges[0]
	}
	return data
}

// countsOfAPI0 has the counts as text, and the owner as the account.
func countsOfAPI0(data any) any {
	c, ok := data.(counted)
	if !ok {
		return data
	}
	limit := ""
	if c.Reseller.Limit != nil {
		limit = strconv.FormatInt(*c.Reseller.Limit, 10)
	}
	return struct {
		Account   latchkey.AccountName `json:"account"`
		Active    string               `json:"active"`
		Limit     string               `json:"limit"`
		Suspended int                  `json:"suspended"`
	}{c.Reseller.User, strconv.Itoa(c.Reseller.Active), limit, c.Reseller.Suspended}
}

// domainOfAPI0 has switches as text.
func domainOfAPI0(data any) any {
	d, ok := data.(domainData)
	if !ok {
		return data
	}
	text := "0"
	if d.UserData.HasCGI {
		text = "1"
	}
	return map[string]any{"userdata": struct {
		domainFile
		HasCGI string `json:"hascgi"`
	}{d.UserData, text}}
}
