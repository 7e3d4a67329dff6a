package variables

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// limit is a limit as the wire has it: a number, or the word unlimited.
type limit int64

// AppendJSON appends the limit.
func (l limit) AppendJSON(dst []byte) []byte {
	if int64(l) == latchkey.Unlimited {
		return append(dst, `"unlimited"`...)
	}
	return strconv.AppendInt(dst, int64(l), 10)
}

// user is what is told of an account, in the order of the names. A setting of
// something that this server does not have is off: it sends no notices, signs no
// mail and keeps no backups.
type user struct {
	BackupEnabled            bool                       `json:"backup_enabled"`
	BandwidthLimit           int64                      `json:"bandwidth_limit"` // bytes; 0 is no limit
	CGIEnabled               bool                       `json:"cgi_enabled"`
	ContactEmail             string                     `json:"contact_email"`
	ContactEmail2            string                     `json:"contact_email_2"`
	Created                  time.Time                  `json:"created"`
	DatabaseOwner            latchkey.AccountName       `json:"database_owner"`
	DeadDomains              []latchkey.Domain          `json:"dead_domains"`
	DemoMode                 bool                       `json:"demo_mode"`
	DiskBlockLimit           int64                      `json:"disk_block_limit"` // kilobytes; 0 is no limit
	DKIMEnabled              bool                       `json:"dkim_enabled"`
	Domain                   latchkey.Domain            `json:"domain"`
	Domains                  []latchkey.Domain          `json:"domains"`
	Feature                  map[string]bool            `json:"feature"`
	FeatureList              string                     `json:"feature_list"`
	GID                      int                        `json:"gid"`
	Home                     string                     `json:"home"`
	HomeDirectoryLinks       []string                   `json:"home_directory_links"`
	IP                       string                     `json:"ip"`
	Lang                     string                     `json:"lang"`
	LegacyBackupEnabled      bool                       `json:"legacy_backup_enabled"`
	Locale                   string                     `json:"locale"`
	MailboxFormat            string                     `json:"mailbox_format"`
	MaxAddonDomains          limit                      `json:"maximum_addon_domains"`
	MaxDatabases             limit                      `json:"maximum_databases"`
	MaxDeferFailPercentage   limit                      `json:"maximum_defer_fail_percentage"`
	MaxEmailAccountDiskQuota limit                      `json:"maximum_email_account_disk_quota"` // megabytes
	MaxEmailsPerHour         limit                      `json:"maximum_emails_per_hour"`
	MaxFTPAccounts           limit                      `json:"maximum_ftp_accounts"`
	MaxMailAccounts          limit                      `json:"maximum_mail_accounts"`
	MaxMailingLists          limit                      `json:"maximum_mailing_lists"`
	MaxParkedDomains         limit                      `json:"maximum_parked_domains"`
	MaxPassengerApps         limit                      `json:"maximum_passenger_apps"`
	MaxSubdomains            limit                      `json:"maximum_subdomains"`
	MXCheck                  map[latchkey.Domain]string `json:"mxcheck"`
	notices
	Owner                 latchkey.AccountName `json:"owner"`
	PackageExtensions     []string             `json:"package_extensions"`
	Plan                  string               `json:"plan"`
	PushbulletAccessToken string               `json:"pushbullet_access_token"`
	Shell                 string               `json:"shell"`
	SPFEnabled            bool                 `json:"spf_enabled"`
	SSLDefaultKeyType     string               `json:"ssl_default_key_type"`
	Theme                 string               `json:"theme"`
	UID                   int                  `json:"uid"`
	User                  latchkey.AccountName `json:"user"`
	UTF8Mailbox           bool                 `json:"utf8_mailbox"`
}

// notices are what an account wants to be told of. The server sends none.
type notices struct {
	AuthnLink                    bool `json:"notify_account_authn_link"`
	AuthnLinkDisabled            bool `json:"notify_account_authn_link_notification_disabled"`
	Login                        bool `json:"notify_account_login"`
	LoginForKnownNetblock        bool `json:"notify_account_login_for_known_netblock"`
	LoginDisabled                bool `json:"notify_account_login_notification_disabled"`
	AutoSSLExpiry                bool `json:"notify_autossl_expiry"`
	AutoSSLExpiryCoverage        bool `json:"notify_autossl_expiry_coverage"`
	AutoSSLRenewalCoverage       bool `json:"notify_autossl_renewal_coverage"`
	AutoSSLRenewalReduced        bool `json:"notify_autossl_renewal_coverage_reduced"`
	AutoSSLRenewalUncovered      bool `json:"notify_autossl_renewal_uncovered_domains"`
	BandwidthLimit               bool `json:"notify_bandwidth_limit"`
	ContactAddressChange         bool `json:"notify_contact_address_change"`
	ContactAddressChangeDisabled bool `json:"notify_contact_address_change_notification_disabled"`
	DiskLimit                    bool `json:"notify_disk_limit"`
	PasswordChange               bool `json:"notify_password_change"`
	PasswordChangeDisabled       bool `json:"notify_password_change_notification_disabled"`
	SSLExpiry                    bool `json:"notify_ssl_expiry"`
	TwoFactorChange              bool `json:"notify_twofactorauth_change"`
	TwoFactorChangeDisabled      bool `json:"notify_twofactorauth_change_notification_disabled"`
}

// userOf gathers what is told of acct. Its files belong to the user that the
// server runs as.
func userOf(ctx context.Context, acct hosting.Account) (user, error) {
	plan, err := acct.Plan(ctx)
	if latchkey.KindOf(err) == latchkey.NotFound {
		plan, err = latchkey.Package{FeatureList: latchkey.DefaultList}, nil
	}
	if err != nil {
		return user{}, err
	}
	owned, err := acct.Domains(ctx)
	if err != nil {
		return user{}, err
	}
	mail, err := acct.Mail().Domains(ctx)
	if err != nil {
		return user{}, err
	}
	a, err := acct.Info(ctx)
	if err != nil {
		return user{}, err
	}
	u := user{
		BandwidthLimit: scaled(a.Limits.BandwidthMB, 20), CGIEnabled: plan.CGI, ContactEmail: a.ContactEmail, Created: a.Created,
		DatabaseOwner: a.Name, DiskBlockLimit: scaled(a.Limits.DiskMB, 10), Domain: a.Domain, Feature: features(acct.Caller().Features),
		FeatureList: plan.FeatureList, GID: os.Getgid(), Home: acct.Home(), IP: acct.Server().IP, Lang: a.Locale, Locale: a.Locale,
		MailboxFormat: "maildir", MaxAddonDomains: limit(a.Limits.Addons), MaxDatabases: limit(a.Limits.Databases),
		MaxDeferFailPercentage: limit(latchkey.Unlimited), MaxEmailAccountDiskQuota: limit(a.Limits.MailboxMB),
		MaxEmailsPerHour: limit(a.Limits.EmailPerHour), MaxFTPAccounts: limit(a.Limits.FTPAccounts), MaxMailAccounts: limit(a.Limits.Mailboxes),
		MaxMailingLists: limit(a.Limits.Lists), MaxParkedDomains: limit(a.Limits.Parked), MaxSubdomains: limit(a.Limits.Subdomains),
		MXCheck: map[latchkey.Domain]string{}, Owner: a.Owner, Plan: a.Package, Shell: a.Shell, SSLDefaultKeyType: "system",
		Theme: a.Theme, UID: os.Getuid(), User: a.Name,
	}
	for _, d := range owned {
		u.Domains = append(u.Domains, d.Name)
	}
	for _, d := range mail {
		u.MXCheck[d] = "local"
	}
	return u, nil
}

// scaled is a limit in units that are smaller by the given power of two, or 0
// for none.
func scaled(most int64, bits uint) int64 {
	if most == latchkey.Unlimited {
		return 0
	}
	return most << bits
}

func features(set latchkey.FeatureSet) map[string]bool {
	all := map[string]bool{}
	for _, f := range latchkey.Features() {
		all[f.String()] = set.Has(f)
	}
	return all
}
