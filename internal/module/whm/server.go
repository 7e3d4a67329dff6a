package whm

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
)

type versionData struct {
	Version string `json:"version"`
}

// WHM API 1: version.
func version(_ context.Context, h hosting.Host, _ api.None) (versionData, error) {
	return versionData{h.Server().Version}, nil
}

type hostnameData struct {
	Hostname string `json:"hostname"`
}

// WHM API 1: gethostname.
func hostname(_ context.Context, h hosting.Host, _ api.None) (hostnameData, error) {
	return hostnameData{h.Server().Hostname}, nil
}

type privilegeData struct {
	Privileges []map[string]bool `json:"privileges"`
}

// WHM API 1: myprivs. The list has one element.
func showPrivileges(_ context.Context, h hosting.Host, _ api.None) (privilegeData, error) {
	return privilegeData{[]map[string]bool{privilegesOf(h.Caller().ReadOnly)}}, nil
}
