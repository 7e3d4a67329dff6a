package variables

// unknown is a setting of something that does not exist on this server: null.
type unknown = *struct{}

// server is what is told of the server, in the order of the names.
type server struct {
	AllowParkSubdomainOnHostname     unknown `json:"allow_park_subdomain_on_hostname"`
	AllowRemoteDomains               unknown `json:"allow_remote_domains"`
	AllowResetPassword               bool    `json:"allow_reset_password"`
	AllowResetPasswordForSubaccounts bool    `json:"allow_reset_password_for_subaccounts"`
	AllowUnregisteredDomains         unknown `json:"allow_unregistered_domains"`
	ApachePort                       unknown `json:"apache_port"`
	ApacheSSLPort                    unknown `json:"apache_ssl_port"`
	APIShell                         bool    `json:"api_shell"`
	AWStatsBrowserUpdate             unknown `json:"awstats_browser_update"`
	AWStatsReverseDNS                unknown `json:"awstats_reverse_dns"`
	CPanelRootDirectory              unknown `json:"cpanel_root_directory"`
	DatabasePrefixRequired           unknown `json:"database_prefix_required"`
	DefaultTheme                     string  `json:"default_theme"`
	DisableAnalog                    unknown `json:"disable_analog"`
	DisableAWStats                   unknown `json:"disable_awstats"`
	DisableBoxTrapper                unknown `json:"disable_boxtrapper"`
	DisableMailman                   unknown `json:"disable_mailman"`
	DisableRoundcube                 unknown `json:"disable_roundcube"`
	DisableSpamAssassin              unknown `json:"disable_spamassassin"`
	DisableSpamBox                   unknown `json:"disable_spambox"`
	DisableWebalizer                 unknown `json:"disable_webalizer"`
	DisplayCPanelDocLinks            bool    `json:"display_cpanel_doclinks"`
	DNSAdminApp                      unknown `json:"dnsadmin_app"`
	DocrootsInPublicHTMLOnly         unknown `json:"docroots_in_public_html_only"`
	EmailFilterStorageDirectory      unknown `json:"email_filter_storage_directory"`
	EmptyTrashDays                   unknown `json:"empty_trash_days"`
	EnableFileProtect                unknown `json:"enable_file_protect"`
	FileUploadMaximumBytes           unknown `json:"file_upload_maximum_bytes"`
	FileUploadMustLeaveBytes         unknown `json:"file_upload_must_leave_bytes"`
	FileUsage                        bool    `json:"file_usage"`
	FTPServer                        string  `json:"ftp_server"`
	HtaccessCheckRecurse             unknown `json:"htaccess_check_recurse"`
	InviteSub                        bool    `json:"invite_sub"`
	IPv6Listen                       unknown `json:"ipv6_listen"`
	IsModUserdirEnabled              bool    `json:"is_mod_userdir_enabled"`
	LocalNameserverType              unknown `json:"local_nameserver_type"`
	LogoutRedirectURL                unknown `json:"logout_redirect_url"`
	MailServer                       unknown `json:"mail_server"`
	MailboxStorageFormat             string  `json:"mailbox_storage_format"`
	MinimumPasswordStrength          int     `json:"minimum_password_strength"`
	MinimumPasswordStrengthMySQL     unknown `json:"minimum_password_strength_mysql"`
	MySQLHost                        unknown `json:"mysql_host"`
	MySQLVersion                     unknown `json:"mysql_version"`
	PHPLoader                        unknown `json:"php_loader"`
	PHPMaximumExecutionTime          unknown `json:"php_maximum_execution_time"`
	PHPOpenBasedirHome               unknown `json:"php_open_basedir_home"`
	PHPPostMaximumSize               unknown `json:"php_post_maximum_size"`
	PHPSystemDefaultVersion          unknown `json:"php_system_default_version"`
	PHPUploadMaximumFilesize         unknown `json:"php_upload_maximum_filesize"`
	PHPMyAdminDisableSearch          unknown `json:"phpmyadmin_disable_search_info_schema"`
	RequireSSL                       bool    `json:"require_ssl"`
	SkipApacheClientsOptimizer       unknown `json:"skip_apache_clients_optimizer"`
	SkipBandwidthLimitCheck          unknown `json:"skip_bandwidth_limit_check"`
	SkipMailboxWarningsCheck         unknown `json:"skip_mailbox_warnings_check"`
	SSLDefaultKeyType                unknown `json:"ssl_default_key_type"`
	UseInformationSchema             unknown `json:"use_information_schema"`
	UseMailForMailmanURL             unknown `json:"use_mail_for_mailman_url"`
	Version                          string  `json:"version"`
}
