package openapi

// What all functions share.

var host = variable{Default: "localhost", Description: "The server's name."}

var (
	accountServer = server{
		URL: "https://{host}:{port}", Description: "The accounts' API.",
		Variables: map[string]variable{"host": host, "port": {Default: "2083"}},
	}
	hostServer = server{
		URL: "https://{host}:{port}", Description: "The administrator's API.",
		Variables: map[string]variable{"host": host, "port": {Default: "2087"}},
	}
)

var apiVersion = parameter{
	Name: "api.version", In: "query", Required: true, Description: "The version of the API: 1.",
	Schema: &schema{Type: "integer", Enum: []any{1}},
}

var securitySchemes = map[string]securityScheme{
	"accountToken": {
		Type: "apiKey", In: "header", Name: "Authorization",
		Description: "An account's API token: `Authorization: cpanel USER:TOKEN`.",
	},
	"hostToken": {
		Type: "apiKey", In: "header", Name: "Authorization",
		Description: "An administrator's API token: `Authorization: whm USER:TOKEN`.",
	},
	"basic": {Type: "http", Scheme: "basic", Description: "User name and password."},
}

var (
	accountSecurity = []map[string][]string{{"accountToken": {}}, {"basic": {}}}
	hostSecurity    = []map[string][]string{{"hostToken": {}}, {"basic": {}}}
)

var (
	accountResponses = map[string]*ref{"200": {"#/components/responses/Answer"}, "401": {"#/components/responses/Denied"}}
	hostResponses    = map[string]*ref{"200": {"#/components/responses/HostAnswer"}, "403": {"#/components/responses/HostDenied"}}
)

func answers() map[string]response {
	in := func(name string) map[string]content {
		return map[string]content{"application/json": {Schema: refer("schemas", name)}}
	}
	return map[string]response{
		"Answer":     {Description: "The call was understood; `status` tells whether it worked.", Content: in("Envelope")},
		"Denied":     {Description: "The credentials are missing, wrong, expired or revoked.", Content: in("Envelope")},
		"HostAnswer": {Description: "The call was understood; `metadata.result` tells whether it worked.", Content: in("HostEnvelope")},
		"HostDenied": {Description: "The credentials are missing, wrong, expired or revoked.", Content: in("HostRefusal")},
	}
}

// envelopes are the shapes of the answers.
func envelopes() map[string]*schema {
	number := func(doc string) *schema { return &schema{Type: "integer", Enum: []any{0, 1}, Description: doc} }
	texts := func(doc string) *schema {
		return &schema{Type: []string{"array", "null"}, Items: &schema{Type: "string"}, Description: doc}
	}
	text := &schema{Type: "string"}
	return map[string]*schema{
		"Envelope": {
			Type: "object", Required: []string{"data", "errors", "messages", "metadata", "status", "warnings"},
			Properties: map[string]*schema{
				"data":     {Description: "What the function answers; null where it has nothing to say or failed."},
				"errors":   texts("Why the call failed; null if it did not."),
				"messages": texts("What else there is to say; null if nothing."),
				"metadata": {Type: "object", Description: "How the answer was cut, where filters, sorting or pages were asked for."},
				"status":   number("1: it worked. 0: it did not, see errors."),
				"warnings": texts("What to look after; null if nothing."),
			},
		},
		"HostEnvelope": {
			Type: "object", Required: []string{"metadata"},
			Properties: map[string]*schema{
				"data": {Description: "What the function answers; absent where it has nothing to say or failed."},
				"metadata": {
					Type: "object", Required: []string{"command", "reason", "result", "version"},
					Properties: map[string]*schema{
						"command": text,
						"reason":  {Type: "string", Description: "Why the call failed, or a text of success."},
						"result":  number("1: it worked. 0: it did not, see reason."),
						"version": {Type: "integer", Enum: []any{1}},
						"output":  {Type: "object", Properties: map[string]*schema{"messages": texts("What else there is to say."), "warnings": texts("What to look after.")}},
					},
				},
			},
		},
		"HostRefusal": {
			Type: "object", Required: []string{"cpanelresult"},
			Properties: map[string]*schema{"cpanelresult": {
				Type: "object", Required: []string{"apiversion", "error", "data", "type"},
				Properties: map[string]*schema{
					"apiversion": text, "error": text, "type": text,
					"data": {Type: "object", Properties: map[string]*schema{"reason": text, "result": text}},
				},
			}},
		},
	}
}
