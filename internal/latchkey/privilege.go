package latchkey

import (
	"slices"
	"strings"
)

// Privilege is one thing that people who stand at the host's door may do. The
// zero Privilege is none: a function that asks for it may be called by nobody.
type Privilege uint8

// The privileges, in the order of [Privileges]. Names are cPanel's; which
// function asks for which is declared in the function's row.
const (
	NoPrivilege Privilege = iota
	PrivilegeAccountSummary
	PrivilegeAddPackage
	PrivilegeAddPackageIP
	PrivilegeAddPackageShell
	PrivilegeAll // everything, and every account: what the administrator has
	PrivilegeAddonPackages
	PrivilegeEmailLimitPackages
	PrivilegeParkedPackages
	PrivilegeShell
	PrivilegeUnlimitedBandwidth
	PrivilegeUnlimitedDisk
	PrivilegeUnlimited
	PrivilegeSystemInfo
	PrivilegeBasic // what everybody may do who is let in at the host's door
	PrivilegeClustering
	PrivilegeCORS
	PrivilegeAccountAPI
	PrivilegeIntegration
	PrivilegeCreateAccount
	PrivilegeCreateDNS
	PrivilegeCreateSession
	PrivilegeDemo
	PrivilegeDigestAuth
	PrivilegeEditAccount
	PrivilegeEditDNS
	PrivilegeEditMX
	PrivilegeEditPackage
	PrivilegeFileRestore
	PrivilegeEmailConfig
	PrivilegeRemoveAccount
	PrivilegeRemoveDNS
	PrivilegeBandwidth
	PrivilegeListAccounts
	PrivilegeListPackages
	PrivilegeLocales
	PrivilegeMailCheck
	PrivilegeTokens
	PrivilegeDNSRecords
	PrivilegeOpenID
	PrivilegeStyles
	PrivilegeMySQLInfo
	PrivilegeNews
	PrivilegeNameservers
	PrivilegeParkDNS
	PrivilegePassword
	PrivilegeQuota
	PrivilegeRearrange
	PrivilegeResyncFTP
	PrivilegeRestart
	PrivilegeShowBandwidth
	PrivilegeSSL
	PrivilegeSSLBuy
	PrivilegeSSLGenerate
	PrivilegeSSLInfo
	PrivilegeStats
	PrivilegeStatus
	PrivilegeSuspend
	PrivilegeThirdParty
	PrivilegeTrackEmail
	PrivilegeUpgrade
	PrivilegeGlobalPackages
	privilegeCount
)

var privileges = [privilegeCount]string{
	PrivilegeAccountSummary:     "acct-summary",
	PrivilegeAddPackage:         "add-pkg",
	PrivilegeAddPackageIP:       "add-pkg-ip",
	PrivilegeAddPackageShell:    "add-pkg-shell",
	PrivilegeAll:                "all",
	PrivilegeAddonPackages:      "allow-addoncreate",
	PrivilegeEmailLimitPackages: "allow-emaillimits-pkgs",
	PrivilegeParkedPackages:     "allow-parkedcreate",
	PrivilegeShell:              "allow-shell",
	PrivilegeUnlimitedBandwidth: "allow-unlimited-bw-pkgs",
	PrivilegeUnlimitedDisk:      "allow-unlimited-disk-pkgs",
	PrivilegeUnlimited:          "allow-unlimited-pkgs",
	PrivilegeSystemInfo:         "basic-system-info",
	PrivilegeBasic:              "basic-whm-functions",
	PrivilegeClustering:         "clustering",
	PrivilegeCORS:               "cors-proxy-get",
	PrivilegeAccountAPI:         "cpanel-api",
	PrivilegeIntegration:        "cpanel-integration",
	PrivilegeCreateAccount:      "create-acct",
	PrivilegeCreateDNS:          "create-dns",
	PrivilegeCreateSession:      "create-user-session",
	PrivilegeDemo:               "demo-setup",
	PrivilegeDigestAuth:         "digest-auth",
	PrivilegeEditAccount:        "edit-account",
	PrivilegeEditDNS:            "edit-dns",
	PrivilegeEditMX:             "edit-mx",
	PrivilegeEditPackage:        "edit-pkg",
	PrivilegeFileRestore:        "file-restore",
	PrivilegeEmailConfig:        "generate-email-config",
	PrivilegeRemoveAccount:      "kill-acct",
	PrivilegeRemoveDNS:          "kill-dns",
	PrivilegeBandwidth:          "limit-bandwidth",
	PrivilegeListAccounts:       "list-accts",
	PrivilegeListPackages:       "list-pkgs",
	PrivilegeLocales:            "locale-edit",
	PrivilegeMailCheck:          "mailcheck",
	PrivilegeTokens:             "manage-api-tokens",
	PrivilegeDNSRecords:         "manage-dns-records",
	PrivilegeOpenID:             "manage-oidc",
	PrivilegeStyles:             "manage-styles",
	PrivilegeMySQLInfo:          "mysql-info",
	PrivilegeNews:               "news",
	PrivilegeNameservers:        "ns-config",
	PrivilegeParkDNS:            "park-dns",
	PrivilegePassword:           "passwd",
	PrivilegeQuota:              "quota",
	PrivilegeRearrange:          "rearrange-accts",
	PrivilegeResyncFTP:          "resftp",
	PrivilegeRestart:            "restart",
	PrivilegeShowBandwidth:      "show-bandwidth",
	PrivilegeSSL:                "ssl",
	PrivilegeSSLBuy:             "ssl-buy",
	PrivilegeSSLGenerate:        "ssl-gencrt",
	PrivilegeSSLInfo:            "ssl-info",
	PrivilegeStats:              "stats",
	PrivilegeStatus:             "status",
	PrivilegeSuspend:            "suspend-acct",
	PrivilegeThirdParty:         "thirdparty",
	PrivilegeTrackEmail:         "track-email",
	PrivilegeUpgrade:            "upgrade-account",
	PrivilegeGlobalPackages:     "viewglobalpackages",
}

// Privileges are all privileges, in the order of their names.
func Privileges() []Privilege {
	all := make([]Privilege, 0, privilegeCount-1)
	for p := NoPrivilege + 1; p < privilegeCount; p++ {
		all = append(all, p)
	}
	return all
}

// ParsePrivilege finds the privilege with cPanel's name.
func ParsePrivilege(name string) (Privilege, bool) {
	if i := slices.Index(privileges[1:], name); i >= 0 {
		return Privilege(i + 1), true
	}
	return NoPrivilege, false
}

// String is the privilege's name, as it stands on the wire.
func (p Privilege) String() string { return privileges[p] }

// PrivilegeSet is a set of privileges. It is comparable and holds no pointer;
// the zero set is empty. Who has [PrivilegeAll] has them all.
type PrivilegeSet uint64

var _ = [1]struct{}{}[privilegeCount/64] // a PrivilegeSet is one word: widen it before a 64th privilege

// AllPrivileges is the set of every privilege.
const AllPrivileges = PrivilegeSet(1<<privilegeCount - 2)

// PrivilegesOf is the set of those named.
func PrivilegesOf(list ...Privilege) PrivilegeSet {
	var s PrivilegeSet
	for _, p := range list {
		s |= 1 << p
	}
	return s.whole()
}

// InitialPrivileges are what a new reseller has until that is changed.
func InitialPrivileges() PrivilegeSet {
	return PrivilegesOf(PrivilegeAccountSummary, PrivilegeSystemInfo, PrivilegeBasic, PrivilegeCORS, PrivilegeAccountAPI, PrivilegeIntegration,
		PrivilegeCreateSession, PrivilegeDigestAuth, PrivilegeEmailConfig, PrivilegeListPackages, PrivilegeTokens, PrivilegeDNSRecords,
		PrivilegeOpenID, PrivilegeStyles, PrivilegeMySQLInfo, PrivilegeNameservers, PrivilegeSSLInfo, PrivilegeTrackEmail)
}

// whole is the set, or every privilege if that is what [PrivilegeAll] in it says.
func (s PrivilegeSet) whole() PrivilegeSet {
	if s&(1<<PrivilegeAll) != 0 {
		return AllPrivileges
	}
	return s
}

// Has reports whether p is in the set; [NoPrivilege] never is.
func (s PrivilegeSet) Has(p Privilege) bool { return p != NoPrivilege && s.whole()&(1<<p) != 0 }

// Within reports whether every privilege of s is in other too.
func (s PrivilegeSet) Within(other PrivilegeSet) bool { return s.whole()&^other.whole() == 0 }

// And is what is in both sets.
func (s PrivilegeSet) And(other PrivilegeSet) PrivilegeSet { return s.whole() & other.whole() }

// List are the privileges in the set, in the order of their names.
func (s PrivilegeSet) List() []Privilege {
	return slices.DeleteFunc(Privileges(), func(p Privilege) bool { return !s.Has(p) })
}

// Names are the names of the privileges in the set, in their order.
func (s PrivilegeSet) Names() []string {
	names := []string{}
	for _, p := range s.List() {
		names = append(names, p.String())
	}
	return names
}

// MarshalText writes the set by names, so that what is kept does not hang on
// their order here: "all" for all of them.
func (s PrivilegeSet) MarshalText() ([]byte, error) {
	if s.Has(PrivilegeAll) {
		return []byte(PrivilegeAll.String()), nil
	}
	return []byte(strings.Join(s.Names(), ",")), nil
}

// UnmarshalText reads what [PrivilegeSet.MarshalText] wrote. A name that is no
// privilege's is none: nobody may do what it allowed.
func (s *PrivilegeSet) UnmarshalText(text []byte) error {
	*s = 0
	for name := range strings.SplitSeq(string(text), ",") {
		if p, ok := ParsePrivilege(name); ok {
			*s |= 1 << p
		}
	}
	*s = s.whole()
	return nil
}
