package web

import "net/http"

// hostPages are the administrator's pages.
var hostPages = []page{
	{path: "/", nav: "home", get: hostHome},
}

// hostNav is their navigation.
var hostNav = []navEntry{{"/", "home"}}

// hostHome is where the administrator begins.
func hostHome(v *visit) error {
	var is struct{ Version string }
	if err := v.whm("version", &is); err != nil {
		return err
	}
	v.show(http.StatusOK, "host_home", is)
	return nil
}
