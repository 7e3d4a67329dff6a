// Package whm has the functions of WHM API 1: what the administrator does with
// accounts, packages, feature lists and the server's own tokens. Start at
// [Module].
package whm

import (
	"slices"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is WHM API 1, as far as this server has it.
var Module = api.Module[hosting.Host]{
	Name: "whm",
	Doc:  "What the administrator and resellers do: accounts, packages, features, resellers, tokens.",
	Funcs: slices.Concat([]api.Func[hosting.Host]{
		{Name: "createacct", Privilege: latchkey.PrivilegeCreateAccount, Effect: api.Write, Reason: "Account Creation Ok", API0: createdShape, API0Data: createdOfAPI0, Run: api.Run(createAccount), Doc: "Create an account with its home and main domain."},
		{Name: "removeacct", Privilege: latchkey.PrivilegeRemoveAccount, Effect: api.Write, API0: api.RawOut0, Run: api.Run(removeAccount), Doc: "Remove an account with everything it owns."},
		{Name: "modifyacct", Privilege: latchkey.PrivilegeEditAccount, Effect: api.Write, Reason: "Account Modified", API0: modifiedShape, Run: api.Run(modifyAccount), Doc: "Change an account: its name, package, limits or settings."},
		{Name: "suspendacct", Privilege: latchkey.PrivilegeSuspend, Effect: api.Write, API0: api.Result0, Run: api.Run(suspendAccount), Doc: "Suspend an account: nobody can use it until the suspension ends."},
		{Name: "unsuspendacct", Privilege: latchkey.PrivilegeSuspend, Effect: api.Write, API0: api.Result0, Run: api.Run(unsuspendAccount), Doc: "End an account's suspension."},
		{Name: "listaccts", Privilege: latchkey.PrivilegeListAccounts, API0: api.Beside0, API0Data: accountsOfAPI0, Run: api.Run(listAccounts), Doc: "List the accounts, or those a search finds."},
		{Name: "accountsummary", Privilege: latchkey.PrivilegeAccountSummary, API0: api.Beside0, API0Data: accountsOfAPI0, Run: api.Run(summarizeAccount), Doc: "Show one account."},
		{Name: "list_users", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(listUsers), Doc: "List the names that can sign in: the administrator and the accounts."},
		{Name: "listsuspended", Privilege: latchkey.PrivilegeListAccounts, API0: api.Beside0, API0Data: suspendedOfAPI0, Run: api.Run(listSuspended), Doc: "List the accounts that are suspended, with the reasons."},
		{Name: "listlockedaccounts", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(listLocked), Doc: "List the accounts whose suspension only the administrator can end."},
		{Name: "verify_new_username", Privilege: latchkey.PrivilegeCreateAccount, Run: api.Run(verifyName), Doc: "Tell whether a new account can have a name."},
		{Name: "get_current_users_count", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(countUsers), Doc: "Count the accounts."},
		{Name: "get_maximum_users", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(mostUsers), Doc: "Tell how many accounts there may be; 0 for any number."},
		{Name: "acctcounts", Privilege: latchkey.PrivilegeAccountSummary, API0: countsShape, API0Data: countsOfAPI0, Run: api.Run(countAccounts), Doc: "Count somebody's accounts, and those of them that are suspended."},
		{Name: "get_homedir_roots", Privilege: latchkey.PrivilegeSystemInfo, Run: api.Run(listHomeRoots), Doc: "List the directories that homes are in."},
		{Name: "massmodifyacct", Privilege: latchkey.PrivilegeEditAccount, Effect: api.Write, Run: api.Run(modifyAccounts), Doc: "Change accounts alike, one after the other."},
		{Name: "editquota", Privilege: latchkey.PrivilegeQuota, Effect: api.Write, API0: quotaShape, Run: api.Run(editQuota), Doc: "Set how much an account's home may hold."},
		{Name: "quota_enabled", Privilege: latchkey.PrivilegeBasic, Run: api.Run(quotaEnabled), Doc: "Tell whether accounts are held to their quotas."},
		{Name: "get_disk_usage", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(showDiskUsage), Doc: "Show what every account's home takes up."},
		{Name: "limitbw", Privilege: latchkey.PrivilegeBandwidth, Effect: api.Write, API0: limitShape, API0Data: limitOfAPI0, Run: api.Run(limitBandwidth), Doc: "Set how much traffic an account may have in a month."},
		{Name: "showbw", Privilege: latchkey.PrivilegeShowBandwidth, API0: `{"bandwidth":[data]}`, API0Data: trafficOfAPI0, Run: api.Run(showBandwidth), Doc: "Show the accounts' limits of traffic. Nothing measures the traffic itself."},
		{Name: "setsiteip", Privilege: latchkey.PrivilegeEditAccount, Effect: api.Write, API0: api.Result0, Run: api.Run(setAddress), Doc: "Give an account the address that all accounts share, which it has already."},
		{Name: "listips", Privilege: latchkey.PrivilegeSystemInfo, API0: `{"result":data.ip}`, Run: api.Run(listAddresses), Doc: "List the server's addresses: the one that all accounts share."},
		{Name: "domainuserdata", Privilege: latchkey.PrivilegeAccountSummary, API0: domainShape, API0Data: domainOfAPI0, Run: api.Run(showDomain), Doc: "Show a domain, its place and its account."},
		{Name: "get_domain_info", Privilege: latchkey.PrivilegeAccountSummary, Run: api.Run(listDomains), Doc: "List the domains of all accounts."},
		{Name: "getdomainowner", Privilege: latchkey.PrivilegeBasic, Run: api.Run(showDomainOwner), Doc: "Tell which account a domain belongs to."},
		{Name: "has_digest_auth", Privilege: latchkey.PrivilegeAccountSummary, Run: api.Run(hasDigest), Doc: "Tell whether an account has Digest Authentication, which none has."},
		{Name: "passwd", Privilege: latchkey.PrivilegePassword, Effect: api.Write, API0: passwordShape, Run: api.Run(setPassword), Doc: "Set an account's password."},
		{Name: "changepackage", Privilege: latchkey.PrivilegeUpgrade, Effect: api.Write, API0: api.RawOut0, Run: api.Run(changePackage), Doc: "Move an account to another package."},

		{Name: "addpkg", Privilege: latchkey.PrivilegeAddPackage, Effect: api.Write, API0: packageShape, Run: api.Run(addPackage), Doc: "Create a package."},
		{Name: "editpkg", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, API0: packageShape, Run: api.Run(editPackage), Doc: "Change a package and the accounts that have it, or create it."},
		{Name: "listpkgs", Privilege: latchkey.PrivilegeListPackages, API0: `{"package":data.pkg}`, Run: api.Run(listPackages), Doc: "List the packages."},
		{Name: "getpkginfo", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(showPackage), Doc: "Show one package."},
		{Name: "killpkg", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, API0: api.Result0, Run: api.Run(removePackage), Doc: "Delete a package that no account has."},
		{Name: "matchpkgs", Privilege: latchkey.PrivilegeListPackages, API0: `{"package":data.pkg}`, Run: api.Run(matchPackages), Doc: "List the packages that have the values asked for."},
		{Name: "addpkgext", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, Run: api.Run(addExtension), Doc: "Add extensions to a package. This server has none."},
		{Name: "delpkgext", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, Run: api.Run(removeExtension), Doc: "Remove extensions from a package. This server has none."},
		{Name: "_getpkgextensionform", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(showExtensionForm), Doc: "Show the forms of a package's extensions, of which there are none."},

		{Name: "create_featurelist", Privilege: latchkey.PrivilegeAddPackage, Effect: api.Write, Run: api.Run(createFeatureList), Doc: "Create a feature list; what is not named is off in it."},
		{Name: "update_featurelist", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, Run: api.Run(updateFeatureList), Doc: "Switch features in a feature list, or all of them off."},
		{Name: "get_featurelist_data", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(showFeatureList), Doc: "Show every feature as a feature list has it."},
		{Name: "read_featurelist", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(readFeatureList), Doc: "Show which features a feature list switches on. Deprecated: use get_featurelist_data."},
		{Name: "delete_featurelist", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, Run: api.Run(removeFeatureList), Doc: "Delete a feature list that no package has."},
		{Name: "get_available_featurelists", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(listAvailableLists), Doc: "List the names of the feature lists. Deprecated: use get_featurelists."},
		{Name: "get_featurelists_by_package_types", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(listListsByType), Doc: "List the names of the feature lists by the type of package they are for."},
		{Name: "get_featurelists", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(listFeatureLists), Doc: "List the names of the feature lists."},
		{Name: "get_feature_names", Privilege: latchkey.PrivilegeBasic, Run: api.Run(listFeatureNames), Doc: "List the features there are."},
		{Name: "get_feature_metadata", Privilege: latchkey.PrivilegeBasic, Run: api.Run(listFeatureMetadata), Doc: "List the features there are, and which of them are plugins."},
		{Name: "get_users_features_settings", Privilege: latchkey.PrivilegeAccountSummary, Run: api.Run(showSettings), Doc: "Show what an account's list and its overrides say of features."},
		{Name: "add_override_features_for_user", Privilege: latchkey.PrivilegeEditAccount, Effect: api.Write, Run: api.Run(addOverrides), Doc: "Switch features for one account, over its feature list."},
		{Name: "remove_override_features_for_user", Privilege: latchkey.PrivilegeEditAccount, Effect: api.Write, Run: api.Run(removeOverrides), Doc: "Let the feature list decide again for an account."},
		{Name: "verify_user_has_feature", Privilege: latchkey.PrivilegeAccountSummary, Run: api.Run(verifyFeature), Doc: "Tell whether an account may use a feature."},

		{Name: "api_token_create", Privilege: latchkey.PrivilegeTokens, Effect: api.Write, Run: nothingUnread(api.Run(createToken)), Doc: "Create a token for this interface; it is shown this once."},
		{Name: "wp_dashboard_create_api_token", Privilege: latchkey.PrivilegeTokens, Effect: api.Write, Run: nothingUnread(api.Run(createDashboardToken)), Doc: "Create a token for this interface with the privileges that are named; it is shown this once."},
		{Name: "api_token_update", Privilege: latchkey.PrivilegeTokens, Effect: api.Write, Run: nothingUnread(api.Run(updateToken)), Doc: "Change a token for this interface: its name, privileges, expiry and addresses."},
		{Name: "api_token_get_details", Privilege: latchkey.PrivilegeTokens, Run: api.Run(showToken), Doc: "Look a token for this interface up by its secret."},
		{Name: "api_token_list", Privilege: latchkey.PrivilegeTokens, Run: api.Run(listTokens), Doc: "List the tokens for this interface, expired ones too."},
		{Name: "api_token_revoke", Privilege: latchkey.PrivilegeTokens, Effect: api.Write, Run: api.Run(revokeTokens), Doc: "Revoke tokens."},

		{Name: "latchkey_activity", Privilege: latchkey.PrivilegeAll, Run: api.Run(showActivity), Doc: "List the events of the audit trail, of all accounts or of one, the newest first. No function of cPanel's."},

		{Name: "create_user_session", Privilege: latchkey.PrivilegeCreateSession, Effect: api.Write, Reason: "Created session", Run: api.Run(createUserSession),
			Doc: "Make a session of an account or a mailbox, for whoever opens its address to take over."},

		{Name: "version", Privilege: latchkey.PrivilegeBasic, API0: api.Bare0, Run: api.Run(version), Doc: "Tell the server's version."},
		{Name: "gethostname", Privilege: latchkey.PrivilegeSystemInfo, API0: api.Bare0, Run: api.Run(hostname), Doc: "Tell the server's name."},
		{Name: "get_nameserver_config", Privilege: latchkey.PrivilegeBasic, Run: api.Run(listNameservers), Doc: "List the nameservers that new accounts get, where their reseller names no others."},
		{Name: "is_role_enabled", Privilege: latchkey.PrivilegeBasic, Run: api.Run(roleEnabled), Doc: "Tell whether the server has a part for a role."},
		{Name: "systemloadavg", Privilege: latchkey.PrivilegeSystemInfo, Run: api.Run(showLoad), Doc: "Tell the system's load."},
		{Name: "loadavg", Privilege: latchkey.PrivilegeSystemInfo, API0: api.Bare0, Run: api.Run(showLoad), Doc: "Tell the system's load: the name in WHM API 0."},
		{Name: "get_password_strength", Privilege: latchkey.PrivilegeBasic, Run: api.Run(ratePassword), Doc: "Rate a password, from 0 to 100."},
		{Name: "getminimumpasswordstrengths", Privilege: latchkey.PrivilegeBasic, Run: api.Run(leastStrengths), Doc: "Tell how strong new passwords must be, from 0 to 100, by what they are for."},
		{Name: "myprivs", Privilege: latchkey.PrivilegeBasic, API0: `{"privs":data}`, API0Data: privilegesOfAPI0, Run: api.Run(showPrivileges), Doc: "List the privileges there are, and which of them the caller has."},
	}, resellerFuncs, aclFuncs, zoneFuncs, tokenPolicyFuncs),
}
