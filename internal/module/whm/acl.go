package whm

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// aclFuncs are the functions about privileges, the administrator's all of them.
var aclFuncs = []api.Func[hosting.Host]{
	{Name: "setacls", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: `{"result":[{"acls":data.acl,"status":status,"statusmsg":text}]}`, Run: api.Run(setPrivileges), Doc: "Set the privileges of a reseller: those named and no others, or those of a list."},
	{Name: "saveacllist", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: `{"results":[{"status":status,"statusmsg":text}]}`, Run: api.Run(savePrivilegeList), Doc: "Make a list of privileges, or change one."},
	{Name: "listacls", Privilege: latchkey.PrivilegeAll, API0: `{"acls":data}`, API0Data: privilegeListsOfAPI0, Run: api.Run(listPrivilegeLists), Doc: "List the lists of privileges, and what is in them."},
}

// foreign are privileges of others that mean nothing here: they may be named,
// and allow nothing.
var foreign = []string{
	"assign-root-account-enhancements", "connected-applications", "disallow-shell", "frontpage", "mod-subdomains", "onlyselfandglobalpkgs", "public-contact", "res-cart",
	"thirdparty-services",
}

// choice is what a request says of privileges.
type choice struct {
	on, off latchkey.PrivilegeSet
	foreign []string
}

// readChoice reads acl-NAME arguments, of which "", 0 and n take a privilege and
// 1 and y give it.
func readChoice(args api.Args) (c choice, err error) {
	for _, key := range args.Names() {
		name, ok := strings.CutPrefix(key, "acl-")
		switch {
		case stray(key):
			continue
		case !ok:
			return c, latchkey.InvalidParam(key, "The argument “%s” is not understood: give privileges as “acl-list-accts=1” and so on.", key)
		case slices.Contains(foreign, name):
			c.foreign = append(c.foreign, name)
			continue
		case name == "nameserver-config": // by its other name
			name = latchkey.PrivilegeNameservers.String()
		}
		p, known := latchkey.ParsePrivilege(name)
		if !known {
			return c, latchkey.InvalidParam(key, "The argument “%s” names no privilege: myprivs lists those there are.", key)
		}
		switch on, err := api.ParseBool(args.Text(key)); {
		case err != nil:
			return c, latchkey.InvalidParam(key, "The “%s” argument is invalid: it must be 1 or 0.", key)
		case on:
			c.on |= 1 << p
		default:
			c.off |= 1 << p
		}
	}
	return c, nil
}

// warnings tell of privileges that mean nothing here.
func (c *choice) warnings() []string {
	if c.foreign == nil {
		return nil
	}
	return []string{"These privileges have no effect on this server: " + strings.Join(c.foreign, ", ") + "."}
}

// WHM API 1: setacls.
type setPrivilegesParams struct {
	Reseller hosting.AccountParam `param:"reseller,optional" doc:"The reseller."`
	User     hosting.AccountParam `param:"user,optional" doc:"Another name for reseller."`
	List     string               `param:"acllist,optional" doc:"A list of privileges; give it, or privileges, not both."`
	ACL      api.Args             `param:"*" doc:"Each privilege as acl- and its name: 1 to give it. It loses those that are not given."`
}

type privilegeNames struct {
	ACL []string `json:"acl"`
}

func setPrivileges(ctx context.Context, h hosting.Host, p setPrivilegesParams) (api.Answer, error) {
	c, err := readChoice(p.ACL)
	if err != nil {
		return api.Answer{}, err
	}
	name, err := oneName("reseller", p.Reseller, p.User)
	if err != nil {
		return api.Answer{}, err
	}
	privileges := c.on
	if p.List != "" {
		if c.on|c.off != 0 {
			return api.Answer{}, latchkey.InvalidParam("acllist", "Give “acllist” or privileges, not both.")
		}
		l, err := h.Resellers().List(ctx, p.List)
		if err != nil {
			return api.Answer{}, err
		}
		privileges = l.Privileges
	}
	privileges = latchkey.PrivilegesOf(privileges.List()...)
	err = h.Resellers().Change(ctx, name, func(s *latchkey.PrivilegeSet, _ *latchkey.Reseller) error {
		*s = privileges
		return nil
	})
	return api.Answer{Data: privilegeNames{privileges.Names()}, Warnings: c.warnings()}, err
}

// WHM API 1: saveacllist.
type savePrivilegeListParams struct {
	Name label    `param:"acllist" doc:"The list's name; it is made if there is none."`
	ACL  api.Args `param:"*" doc:"Each privilege as acl- and its name: 1 to put it in, 0 to take it out. What is not named stays as it is."`
}

func savePrivilegeList(ctx context.Context, h hosting.Host, p savePrivilegeListParams) (api.Answer, error) {
	c, err := readChoice(p.ACL)
	if err != nil {
		return api.Answer{}, err
	}
	l, err := h.Resellers().List(ctx, string(p.Name))
	if err != nil && latchkey.KindOf(err) != latchkey.NotFound {
		return api.Answer{}, err
	}
	if c.off != 0 { // what has lost one has not all any more
		c.off |= 1 << latchkey.PrivilegeAll
	}
	l.Name, l.Privileges = string(p.Name), latchkey.PrivilegesOf((l.Privileges&^c.off | c.on).List()...)
	return api.Answer{Warnings: c.warnings()}, h.Resellers().PutList(ctx, l)
}

type privilegeList struct {
	Name       string          `json:"name"`
	Privileges map[string]bool `json:"privileges"`
}

type privilegeLists struct {
	ACL []privilegeList `json:"acl"`
}

// WHM API 1: listacls.
func listPrivilegeLists(ctx context.Context, h hosting.Host, _ api.None) (privilegeLists, error) {
	all, err := h.Resellers().Lists(ctx)
	var lists privilegeLists
	for _, l := range all {
		lists.ACL = append(lists.ACL, privilegeList{l.Name, switchesOf(l.Privileges, false)})
	}
	return lists, err
}

// privilegeListsOfAPI0 has the lists by name.
func privilegeListsOfAPI0(data any) any {
	lists, ok := data.(privilegeLists)
	if !ok {
		return data
	}
	by := map[string]map[string]bool{}
	for _, l := range lists.ACL {
		by[l.Name] = l.Privileges
	}
	return by
}
