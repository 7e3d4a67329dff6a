package cli

import (
	"net"
)

// nameServer can have its address, by TCP and UDP, and its settings are
// understood.
func (d *doctor) nameServer() []finding {
	address := d.config.DNS
	switch address {
	case "":
		return nil
	case "off":
		return []finding{remark("", "there is no name server (dns is off)")}
	}
	var list []finding
	if _, err := dnsOptions(d.config, nil); err != nil {
		list = append(list, trouble("mend it", "%v", err))
	}
	if address != "auto" {
		return append(list, d.dnsAddress(address))
	}
	f := d.dnsAddress(dnsAuto)
	if f.State == problem { // the server starts all the same
		f.State, f.Text = note, "nobody can ask the name server: "+f.Text
	}
	return append(list, f)
}

func (d *doctor) dnsAddress(address string) finding {
	server, _ := d.serverProcess()
	f := port("dns", address, server)
	if f.State != good {
		return f
	}
	if pid, _ := holder(address); pid != 0 && pid == server {
		return f
	}
	l, err := net.ListenPacket("udp", address)
	if err != nil {
		return trouble("end the program that has it, or set dns to another address", "dns %s cannot be listened on for UDP: %v", address, err)
	}
	l.Close()
	return f
}
