package cli

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// nameServer can have its address, by TCP and UDP, and its settings are
// understood.
func (d *doctor) nameServer() []finding {
	list := d.whoAnswers()
	if _, err := zoneTemplates(d.config); err != nil {
		list = append(list, trouble("mend the template, or set zone_templates to another directory", "no zone can be made: %v", err))
	}
	return list
}

func (d *doctor) whoAnswers() []finding {
	if d.config.DNSDriver == "nsd" {
		return []finding{d.nsd()}
	}
	switch f := d.bind(); {
	case d.config.DNSDriver == "off":
		return []finding{remark("", "there is no name server (dns_driver is off)")}
	case f != nil && (f.State == good || d.config.DNSDriver == "bind"):
		return []finding{*f}
	case f != nil:
		return append([]finding{*f}, d.embedded()...)
	}
	return d.embedded()
}

// bind says how it stands with BIND, where that may be the name server.
func (d *doctor) bind() *finding {
	c := d.config
	if c.DNSDriver != "bind" && (c.DNSDriver != "auto" && c.DNSDriver != "" || c.BINDZones == "") {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	f := fine("BIND listens to rndc and is asked at %s; its zone files are in %s", c.BINDAddress, c.BINDZones)
	if _, err := openBIND(ctx, c, slog.New(slog.DiscardHandler)); err != nil {
		f = trouble("have BIND's configuration allow-new-zones, and controls with the key in "+rndcKey(c), "BIND cannot be used: %v", err)
		if c.DNSDriver != "bind" {
			f.State = note
		}
	}
	return &f
}

// nsd says how it stands with NSD.
func (d *doctor) nsd() finding {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if _, err := openNSD(ctx, d.config, slog.New(slog.DiscardHandler)); err != nil {
		return trouble("have NSD's configuration control-enable: yes, and a pattern called latchkey", "NSD cannot be used: %v", err)
	}
	return fine("NSD listens to nsd-control and is asked at %s; its zone files are in %s", d.config.NSDAddress, d.config.NSDZones)
}

// embedded says how it stands with the server's own name server.
func (d *doctor) embedded() []finding {
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
