package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// hostPages are the administrator's pages.
var hostPages = slices.Concat(securityPages, []page{
	{path: "/security/password", nav: "security", get: askPassword, post: changePassword},

	{path: "/", nav: "home", get: hostHome},

	{path: "/accounts", nav: "accounts", get: listAccounts},
	{path: "/accounts/new", nav: "accounts", get: askAccount, post: makeAccount},
	{path: "/account/{user}", nav: "accounts", get: showAccount},
	{path: "/account/{user}/suspend", nav: "accounts", get: showAccount, post: suspendAccount},
	{path: "/account/{user}/unsuspend", nav: "accounts", post: unsuspendAccount},
	{path: "/account/{user}/package", nav: "accounts", get: showAccount, post: movePackage},
	{path: "/account/{user}/password", nav: "accounts", get: askAccountPassword, post: setAccountPassword},
	{path: "/account/{user}/remove", nav: "accounts", get: askRemoval, post: removeAccount},
	{path: "/account/{user}/features", nav: "features", get: askOverrides, post: saveOverrides},

	{path: "/packages", nav: "packages", get: listPackages},
	{path: "/packages/new", nav: "packages", get: askPackage, post: savePackage},
	{path: "/package/{name}", nav: "packages", get: askPackage, post: savePackage},
	{path: "/package/{name}/delete", nav: "packages", get: askDeletePackage, post: deletePackage},

	{path: "/features", nav: "features", get: listFeatures, post: saveFeatures},
	{path: "/features/new", nav: "features", get: listFeatures, post: makeFeatureList},
	{path: "/featurelist/{name}/delete", nav: "features", get: askDeleteList, post: deleteList},

	{path: "/tokens", nav: "host_tokens", get: allTokens},
	{path: "/tokens/revoke", nav: "host_tokens", post: revokeMany},

	{path: "/policy", nav: "policy", get: askPolicy, post: savePolicy},
	{path: "/policy/outside", nav: "policy", get: outsidePolicy},

	{path: "/audit", nav: "audit", get: showTrail},
	{path: "/audit.csv", nav: "audit", get: downloadTrail},

	{path: "/health", nav: "health", get: showHealth},
})

// hostNav is their navigation.
var hostNav = []navEntry{
	{"/", "home", 0}, {"/accounts", "accounts", listsAccounts}, {"/packages", "packages", listsPackages}, {"/features", "features", listsPackages},
	{"/tokens", "host_tokens", listsAccounts}, {"/policy", "policy", listsPackages}, {"/audit", "audit", latchkey.AllPrivileges}, {"/health", "health", latchkey.AllPrivileges},
	{"/security", "security", 0},
}

// What resellers need to see anything on some pages.
var (
	listsAccounts = latchkey.PrivilegesOf(latchkey.PrivilegeListAccounts)
	listsPackages = latchkey.PrivilegesOf(latchkey.PrivilegeListPackages)
)

// denied makes what a visitor may not see something that they are not shown: a
// reseller's first page has less on it than the administrator's.
func denied(err error) (bool, error) {
	if latchkey.KindOf(err) == latchkey.Denied {
		return true, nil
	}
	return false, err
}

// hostFigures are what the first page tells of the server.
type hostFigures struct {
	Version                       string
	Accounts, Suspended, Packages int
	Load                          struct{ One, Five, Fifteen string }
	Events                        []event

	NoAccounts, NoPackages, NoLoad, NoTrail bool // the visitor may not know
}

// eventsAtHome is how many events the first page has.
const eventsAtHome = 8

// telling are the events that changed something, or were refused: who looks at
// pages reads all the time.
func telling(all []event) []event {
	all = slices.DeleteFunc(all, func(e event) bool { return e.Change == 0 && e.Good() })
	return all[:min(len(all), eventsAtHome)]
}

// hostHome is where the administrator begins.
func hostHome(v *visit) error {
	var is hostFigures
	if _, err := denied(v.whm("version", &is)); err != nil {
		return err
	}
	var err error
	var users struct{ Users int }
	if is.NoAccounts, err = denied(v.whm("get_current_users_count", &users)); err != nil {
		return err
	}
	is.Accounts = users.Users
	var plans packageList
	if is.NoPackages, err = denied(v.whm("listpkgs", &plans)); err != nil {
		return err
	}
	is.Packages = len(plans.Pkg)
	if is.NoLoad, err = denied(v.whm("systemloadavg", &is.Load)); err != nil {
		return err
	}
	var found events
	if is.NoTrail, err = denied(v.whm("latchkey_activity", &found, "limit", "100")); err != nil {
		return err
	}
	is.Events = telling(found.Events)
	v.show(http.StatusOK, "host_home", is)
	return nil
}

// MayCreate reports whether the visitor may make accounts.
func (s *shown) MayCreate() bool { return s.caller.Privileges.Has(latchkey.PrivilegeCreateAccount) }

// Megabytes is a size in megabytes as people write it; none is no limit.
func (s *shown) Megabytes(text string) string {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, "M"), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return s.T("home.unlimited")
	}
	return s.Bytes(n << 20)
}

// Limit is how many of something there may be.
func (s *shown) Limit(text string) string {
	if text == "" || text == "unlimited" {
		return s.T("home.unlimited")
	}
	return text
}
