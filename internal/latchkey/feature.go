package latchkey

// Feature is one thing the administrator can switch for an account, a package
// or the whole server. The zero Feature is none: always allowed.
type Feature uint8

// The features in the order of [Features]. Names are cPanel's ids; the map from
// functions to features is ours.
const (
	NoFeature Feature = iota
	FeatureAPITokens
	FeatureAddonDomains
	FeatureAutoresponders
	FeatureAutoSSL
	FeatureBackup
	FeatureBlockers
	FeatureBoxTrapper
	FeatureChangeMX
	FeatureCron
	FeatureDefaultAddress
	FeatureDiskUsage
	FeatureDNSSEC
	FeatureDynamicDNS
	FeatureEmailArchive
	FeatureEmailAuth
	FeatureEmailDiskUsage
	FeatureEmailDomainForward
	FeatureEmailTrace
	FeatureFileManager
	FeatureForwarders
	FeatureFTP
	FeatureFTPSettings
	FeatureLists
	FeatureMime
	FeatureModSecurity
	FeatureMySQL
	FeatureParkedDomains
	FeaturePassengerApps
	FeaturePassword
	FeaturePopAccounts
	FeaturePostgreSQL
	FeatureRedirects
	FeatureSimpleZoneEdit
	FeatureSpamAssassin
	FeatureSpamBox
	FeatureSSH
	FeatureSSLInstall
	FeatureSSLManager
	FeatureStatistics
	FeatureStyle
	FeatureSubdomains
	FeatureTraceAddress
	FeatureUpdateContact
	FeatureUserManager
	FeatureVersionControl
	FeatureWebDisk
	FeatureWebmail
	FeatureZoneEdit
	featureCount
)

var features = [featureCount]struct{ id, name string }{
	FeatureAPITokens:          {"apitokens", "API Tokens"},
	FeatureAddonDomains:       {"addondomains", "Addon Domains"},
	FeatureAutoresponders:     {"autoresponders", "Autoresponders"},
	FeatureAutoSSL:            {"autossl", "AutoSSL"},
	FeatureBackup:             {"backup", "Backups"},
	FeatureBlockers:           {"blockers", "IP Blocker"},
	FeatureBoxTrapper:         {"boxtrapper", "BoxTrapper"},
	FeatureChangeMX:           {"changemx", "Email Routing"},
	FeatureCron:               {"cron", "Cron Jobs"},
	FeatureDefaultAddress:     {"defaultaddress", "Default Address"},
	FeatureDiskUsage:          {"diskusageviewer", "Disk Usage"},
	FeatureDNSSEC:             {"dnssec", "DNSSEC"},
	FeatureDynamicDNS:         {"dynamicdns", "Dynamic DNS"},
	FeatureEmailArchive:       {"emailarchive", "Email Archiving"},
	FeatureEmailAuth:          {"emailauth", "Email Deliverability"},
	FeatureEmailDiskUsage:     {"email_disk_usage", "Email Disk Usage"},
	FeatureEmailDomainForward: {"emaildomainfwd", "Email Domain Forwarding"},
	FeatureEmailTrace:         {"emailtrace", "Track Delivery"},
	FeatureFileManager:        {"filemanager", "File Manager"},
	FeatureForwarders:         {"forwarders", "Forwarders"},
	FeatureFTP:                {"ftpaccts", "FTP Accounts"},
	FeatureFTPSettings:        {"ftpsetup", "FTP Settings"},
	FeatureLists:              {"lists", "Mailing Lists"},
	FeatureMime:               {"mime", "MIME Types"},
	FeatureModSecurity:        {"modsecurity", "ModSecurity"},
	FeatureMySQL:              {"mysql", "MySQL Databases"},
	FeatureParkedDomains:      {"parkeddomains", "Aliases"},
	FeaturePassengerApps:      {"passengerapps", "Application Manager"},
	FeaturePassword:           {"password", "Password & Security"},
	FeaturePopAccounts:        {"popaccts", "Email Accounts"},
	FeaturePostgreSQL:         {"postgres", "PostgreSQL Databases"},
	FeatureRedirects:          {"redirects", "Redirects"},
	FeatureSimpleZoneEdit:     {"simplezoneedit", "Simple Zone Editor"},
	FeatureSpamAssassin:       {"spamassassin", "Spam Filters"},
	FeatureSpamBox:            {"spambox", "Spam Box"},
	FeatureSSH:                {"ssh", "SSH Access"},
	FeatureSSLInstall:         {"sslinstall", "SSL Host Installer"},
	FeatureSSLManager:         {"sslmanager", "SSL Manager"},
	FeatureStatistics:         {"statistics", "Statistics Bar"},
	FeatureStyle:              {"style", "Change Style"},
	FeatureSubdomains:         {"subdomains", "Subdomains"},
	FeatureTraceAddress:       {"traceaddy", "Address Trace"},
	FeatureUpdateContact:      {"updatecontact", "Contact Information"},
	FeatureUserManager:        {"user_manager", "User Manager"},
	FeatureVersionControl:     {"version_control", "Git Version Control"},
	FeatureWebDisk:            {"webdisk", "Web Disk"},
	FeatureWebmail:            {"webmail", "Webmail"},
	FeatureZoneEdit:           {"zoneedit", "Zone Editor"},
}

// Features are all features, in the order of their ids.
func Features() []Feature {
	all := make([]Feature, 0, featureCount-1)
	for f := NoFeature + 1; f < featureCount; f++ {
		all = append(all, f)
	}
	return all
}

// ParseFeature finds the feature with cPanel's id.
func ParseFeature(id string) (Feature, bool) {
	for f := NoFeature + 1; f < featureCount; f++ {
		if features[f].id == id {
			return f, true
		}
	}
	return NoFeature, false
}

// String is the feature's id, as it stands on the wire.
func (f Feature) String() string { return features[f].id }

// Title is the feature's name, as people read it.
func (f Feature) Title() string { return features[f].name }

// FeatureSet is a set of features. It is comparable and holds no pointer.
type FeatureSet uint64

var _ = [1]struct{}{}[featureCount/64] // a FeatureSet is one word: widen it before a 64th feature

// Has reports whether f is in the set; [NoFeature] always is.
func (s FeatureSet) Has(f Feature) bool { return f == NoFeature || s&(1<<f) != 0 }

// With is the set with f in it or out of it.
func (s FeatureSet) With(f Feature, in bool) FeatureSet {
	if in {
		return s | 1<<f
	}
	return s &^ (1 << f)
}

// AllFeatures is the set of every feature.
func AllFeatures() FeatureSet {
	var s FeatureSet
	for _, f := range Features() {
		s = s.With(f, true)
	}
	return s
}

// FeatureList is a named list: for each feature it names, on or off.
type FeatureList struct {
	Name   string
	Values map[string]bool
}

// The lists that always exist. A feature that "disabled" switches off is off
// for everybody, over any list and any override.
const (
	DefaultList  = "default"
	DisabledList = "disabled"
	MailOnlyList = "Mail Only"
)

// Effective is what an account may use: the user's override if there is one,
// else the value in the package's list, and never what the list "disabled"
// switches off. A feature that the list does not name is on in "default" and
// off in every other list.
func Effective(list, disabled FeatureList, overrides map[string]bool) FeatureSet {
	var s FeatureSet
	for _, f := range Features() {
		on, named := list.Values[f.String()]
		if !named {
			on = list.Name == DefaultList
		}
		if v, ok := overrides[f.String()]; ok {
			on = v
		}
		if v, ok := disabled.Values[f.String()]; ok && !v {
			on = false
		}
		s = s.With(f, on)
	}
	return s
}
