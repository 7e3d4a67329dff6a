// Package absent holds the functions whose part this server does not have: spam
// filters and BoxTrapper. Each answers that its role is disabled, which is what
// cPanel's answer where the administrator has switched the role off.
package absent

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Assassin is the module SpamAssassin.
var Assassin = api.Module[hosting.Account]{
	Name: "SpamAssassin",
	Doc:  "Spam filters, which this server does not have: every function answers that the role is disabled.",
	Funcs: functions(api.SpamFilter, latchkey.FeatureSpamAssassin,
		[]string{"get_symbolic_test_names", "get_user_preferences"},
		[]string{"clear_spam_box", "update_user_preference"}),
}

// BoxTrapper is the module BoxTrapper.
var BoxTrapper = api.Module[hosting.Account]{
	Name: "BoxTrapper",
	Doc:  "Mail that waits until its sender has answered, which this server does not have: every function answers that the role is disabled.",
	Funcs: functions(api.SpamFilter, latchkey.FeatureBoxTrapper,
		[]string{
			"get_allowlist", "get_blocklist", "get_configuration", "get_email_template", "get_forwarders", "get_ignorelist", "get_log", "get_message", "get_status",
			"list_email_templates", "list_queued_messages",
		},
		[]string{
			"blacklist_messages", "delete_messages", "deliver_messages", "ignore_messages", "process_messages", "reset_email_template", "save_configuration", "save_email_template",
			"set_allowlist", "set_blocklist", "set_forwarders", "set_ignorelist", "set_status", "whitelist_messages",
		}),
}

// Email is what the module Email has of spam filters and of mailing lists.
var Email = api.Module[hosting.Account]{
	Name: "Email",
	Funcs: slices.Concat(
		functions(api.SpamFilter, latchkey.FeatureSpamAssassin,
			[]string{"get_spam_settings"},
			[]string{"add_spam_filter", "disable_spam_assassin", "disable_spam_autodelete", "disable_spam_box", "enable_spam_assassin", "enable_spam_box"}),
		functions(api.MailingLists, latchkey.FeatureLists,
			[]string{"get_mailman_delegates"},
			[]string{"add_list", "add_mailman_delegates", "delete_list", "export_lists", "generate_mailman_otp", "passwd_list", "remove_mailman_delegates", "set_list_privacy_options"})),
}

type params struct {
	Rest api.Args `param:"*" doc:"Whatever it is called with: the answer is the same."`
}

// functions are rows for functions of a role that is never here: those that would
// read, and those that would change something.
func functions(role api.Role, feature latchkey.Feature, reads, writes []string) (rows []api.Func[hosting.Account]) {
	row := func(name string, effect api.Effect) {
		rows = append(rows, api.Func[hosting.Account]{Name: name, Feature: feature, Role: role, Effect: effect, Run: api.Run(off(role)),
			Doc: "Answer that the role “" + string(role) + "” is disabled: this server has no part for it."})
	}
	for _, name := range reads {
		row(name, api.Read)
	}
	for _, name := range writes {
		row(name, api.Write)
	}
	return rows
}

// off is what is never reached through a server, which looks at the role first.
func off(role api.Role) func(context.Context, hosting.Account, params) (api.Void, error) {
	return func(context.Context, hosting.Account, params) (api.Void, error) {
		return nil, &latchkey.Error{Kind: latchkey.RoleOff, Param: string(role)}
	}
}
