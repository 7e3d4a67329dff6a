package openapi

// The parts of an OpenAPI 3.1 document that are used here, in its own words.
type (
	document struct {
		OpenAPI    string          `json:"openapi"`
		Info       info            `json:"info"`
		Servers    []server        `json:"servers"`
		Tags       []tag           `json:"tags"`
		Paths      map[string]path `json:"paths"`
		Components components      `json:"components"`
	}
	info struct {
		Title       string  `json:"title"`
		Summary     string  `json:"summary"`
		Description string  `json:"description"`
		License     license `json:"license"`
		Version     string  `json:"version"`
	}
	license struct {
		Name       string `json:"name"`
		Identifier string `json:"identifier"`
	}
	server struct {
		URL         string              `json:"url"`
		Description string              `json:"description"`
		Variables   map[string]variable `json:"variables,omitempty"`
	}
	variable struct {
		Default     string `json:"default"`
		Description string `json:"description,omitempty"`
	}
	tag struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	path struct {
		Servers []server   `json:"servers,omitempty"`
		Get     *operation `json:"get"`
		Post    *operation `json:"post"`
	}
	operation struct {
		ID          string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Tags        []string              `json:"tags"`
		Parameters  []parameter           `json:"parameters,omitempty"`
		RequestBody *request              `json:"requestBody,omitempty"`
		Responses   map[string]*ref       `json:"responses"`
		Security    []map[string][]string `json:"security"` // no scheme here has scopes: the lists are empty
		ReadOnly    bool                  `json:"x-readonly"`
		Feature     string                `json:"x-feature,omitempty"`
		Role        string                `json:"x-role,omitempty"`
		API2        string                `json:"x-api2,omitempty"`
	}
	parameter struct {
		Name        string  `json:"name"`
		In          string  `json:"in"`
		Description string  `json:"description,omitempty"`
		Required    bool    `json:"required,omitempty"`
		Style       string  `json:"style,omitempty"`
		Explode     bool    `json:"explode,omitempty"`
		Schema      *schema `json:"schema"`
	}
	request struct {
		Required bool               `json:"required,omitempty"`
		Content  map[string]content `json:"content"`
	}
	content struct {
		Schema  *schema `json:"schema"`
		Example any     `json:"example,omitempty"`
	}
	response struct {
		Description string             `json:"description"`
		Content     map[string]content `json:"content"`
	}
	components struct {
		Schemas         map[string]*schema        `json:"schemas"`
		Responses       map[string]response       `json:"responses"`
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
	}
	securityScheme struct {
		Type        string `json:"type"`
		Scheme      string `json:"scheme,omitempty"`
		In          string `json:"in,omitempty"`
		Name        string `json:"name,omitempty"`
		Description string `json:"description"`
	}
	ref struct {
		Ref string `json:"$ref"`
	}
	schema struct {
		Ref         string             `json:"$ref,omitempty"`
		Type        any                `json:"type,omitempty"` // a string or a list of them
		Format      string             `json:"format,omitempty"`
		Description string             `json:"description,omitempty"`
		Enum        []any              `json:"enum,omitempty"`
		Items       *schema            `json:"items,omitempty"`
		Required    []string           `json:"required,omitempty"`
		Properties  map[string]*schema `json:"properties,omitempty"`
		Additional  *schema            `json:"additionalProperties,omitempty"`
		Resource    string             `json:"x-resource,omitempty"` // the kind of thing that the value names
	}
)

func refer(kind, name string) *schema { return &schema{Ref: "#/components/" + kind + "/" + name} }
