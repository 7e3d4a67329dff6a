package email

import (
	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const (
	forwards = latchkey.FeatureForwarders
	answers  = latchkey.FeatureAutoresponders
	defaults = latchkey.FeatureDefaultAddress
	domains  = latchkey.FeatureEmailDomainForward
)

// ruleFuncs are the functions about what is done with mail. Filters have no
// feature of their own.
var ruleFuncs = []api.Func[hosting.Account]{
	{Name: "add_forwarder", API2: "addforward", Feature: forwards, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(addForwarder),
		Doc: "Forward the mail for an address. A mailbox of the address keeps its copy."},
	{Name: "list_forwarders", API2: "listforwards", Feature: forwards, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listForwarders),
		Doc: "List the forwarders."},
	{Name: "delete_forwarder", API2: "delforward", Feature: forwards, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteForwarder),
		Doc: "End the forwarding of the mail for an address to another."},
	{Name: "count_forwarders", Feature: forwards, Role: api.MailReceive, Scope: api.Things, Run: api.Run(countForwarders),
		Doc: "Count the forwarders."},
	{Name: "add_domain_forwarder", API2: "adddomainforward", Feature: domains, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(addDomainForwarder),
		Doc: "Forward the mail for a domain, but for that of addresses of its own, to the same addresses in another."},
	{Name: "list_domain_forwarders", API2: "listdomainforwards", Feature: domains, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listDomainForwarders),
		Doc: "List the domains whose mail is forwarded."},
	{Name: "delete_domain_forwarder", API2: "deldomainforward", Feature: domains, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteDomainForwarder),
		Doc: "End the forwarding of the mail for a domain."},
	{Name: "list_forwarders_backups", API2: "listaliasbackups", Feature: domains, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listForwardedDomains),
		Doc: "List the names of the domains whose mail is forwarded."},

	{Name: "set_default_address", API2: "setdefaultaddress", Feature: defaults, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(setDefaultAddress), API2Data: defaultOfAPI2,
		Doc: "Say what becomes of mail for a domain that none of its addresses takes."},
	{Name: "list_default_address", API2: "listdefaultaddresses", Feature: defaults, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listDefaultAddress),
		Doc: "List what becomes of mail that no address takes, by domain."},
	{Name: "checkmaindiscard", OnlyAPI2: true, Feature: defaults, Role: api.MailReceive, Scope: api.Things, Run: api.Run(checkMainDiscard),
		Doc: "Tell whether mail for the main domain that no address takes is discarded."},

	{Name: "add_auto_responder", API2: "addautoresponder", Feature: answers, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(addResponder),
		Doc: "Answer the mail for an address, in the place of the answer it has."},
	{Name: "list_auto_responders", API2: "listautoresponders", Feature: answers, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listResponders),
		Doc: "List the autoresponders."},
	{Name: "get_auto_responder", API2: "fetchautoresponder", Feature: answers, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(showResponder),
		Doc: "Show the autoresponder of an address."},
	{Name: "count_auto_responders", Feature: answers, Role: api.MailReceive, Scope: api.Things, Run: api.Run(countResponders),
		Doc: "Count the autoresponders."},
	{Name: "delete_auto_responder", API2: "delautoresponder", Feature: answers, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteResponder),
		Doc: "End the answers of an address."},
	{Name: "get_charsets", Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(charsets),
		Doc: "List the character sets that texts can be in."},
	{Name: "fetch_charmaps", API2: "fetchcharmaps", Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(charmaps),
		Doc: "List the character sets that texts can be in, each by itself."},

	{Name: "store_filter", API2: "storefilter", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(storeFilter), API2Data: storedOfAPI2,
		Doc: "Make a filter, in the place of one that is called so."},
	{Name: "list_filters", API2: "filterlist", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listFilters),
		Doc: "List the filters of the account or of a mailbox."},
	{Name: "get_filter", API2: "loadfilter", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(showFilter),
		Doc: "Show a filter."},
	{Name: "count_filters", Feature: boxes, Role: api.MailReceive, Run: api.Run(countFilters),
		Doc: "Count the filters of the account."},
	{Name: "delete_filter", API2: "deletefilter", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteFilter),
		Doc: "Delete a filter."},
	{Name: "enable_filter", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(turning(false)),
		Doc: "Switch a filter on."},
	{Name: "disable_filter", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(turning(true)),
		Doc: "Switch a filter off."},
	{Name: "reorder_filters", API2: "reorderfilters", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(reorderFilters),
		Doc: "Put filters in another order."},
	{Name: "trace_filter", API2: "tracefilter", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(traceFilter),
		Doc: "Tell what filters would do with a message."},
	{Name: "list_system_filter_info", Role: api.MailReceive, Scope: api.Things, Run: api.Run(systemFilterInfo),
		Doc: "Tell what the server itself filters."},
	{Name: "list_filters_backups", API2: "listfilterbackups", Feature: boxes, Role: api.MailReceive, Run: api.Run(listFilteredDomains),
		Doc: "List the domains whose mail is filtered."},
}
