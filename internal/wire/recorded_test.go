package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// recorded are answers of WHM API 0 as real servers gave them, in the notation
// of those recordings: s is a text, i a whole number, null what was null. A
// function that is not here yet waits for the part that is named.
var recorded = []struct{ call, shape, waits string }{
	{"version", `{version:s}`, ""},
	{"gethostname", `{hostname:s}`, ""},
	{"applist", `{app:[s]}`, "the list of applications"},
	{"loadavg", `{fifteen:s,five:s,one:s}`, "the load of the machine"},
	{"systemloadavg", `{error:s}`, ""},
	{"addpkg?name=gold", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"createacct?username=alice&domain=alice.example&password=" + testserver.Password,
		`{result:[{options:{ip:s,nameserver:s,nameserver2:s,nameserver3:null,nameserver4:null,nameservera:null,nameservera2:null,nameservera3:null,nameservera4:null,` +
			`nameserverentry:null,nameserverentry2:null,nameserverentry3:null,nameserverentry4:null,package:s},rawout:s,status:i,statusmsg:s}]}`, ""},
	{"accountsummary?user=alice", `{acct:[` + accountShape + `],status:i,statusmsg:s}`, ""},
	{"listaccts", `{acct:[` + accountShape + `],status:i,statusmsg:s}`, ""},
	{"listpkgs", `{package:[{name:s,BWLIMIT:s,CGI:s,CPMOD:s,FEATURELIST:s,HASSHELL:s,IP:s,MAXADDON:s,MAXFTP:s,MAXLST:s,MAXPARK:s,MAXPOP:s,MAXSQL:s,MAXSUB:s,QUOTA:s}]}`, ""},
	{"suspendacct?user=alice", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"listsuspended", `{accts:[{owner:s,reason:s,time:s,unixtime:s,user:s}],status:i,statusmsg:s}`, "the list of suspended accounts"},
	{"unsuspendacct?user=alice", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"changepackage?user=alice&pkg=gold", `{result:[{rawout:null,status:i,statusmsg:s}]}`, ""},
	{"modifyacct?user=alice&MAXPOP=5", `{result:[{messages:[],newcfg:{cpuser:{},domain:s,setshell:s,user:s},status:i,statusmsg:s,warnings:[]}]}`, ""},
	{"passwd?user=alice&pass=" + testserver.Password, `{passwd:[{rawout:null,services:null,status:i,statusmsg:s}]}`, ""},
	{"editquota?user=alice&quota=100", `{output:null,result:[{status:i,statusmsg:s}]}`, "quotas from WHM"},
	{"limitbw?user=alice&bwlimit=100", `{result:[{bwlimit:{bwlimit:s,bwlimitenable:i,domains:[s],human_bwlimit:s,human_bwused:s,unlimited:i},status:i,statusmsg:s}]}`, "the count of traffic"},
	{"domainuserdata?domain=alice.example", `{result:[{status:i,statusmsg:s}],userdata:{documentroot:s,homedir:s,ip:s,owner:s,servername:s,user:s}}`, "the data of domains"},
	{"showbw", `{bandwidth:[{acct:[],month:s,reseller:s,totalused:i,year:s}]}`, "the count of traffic"},
	{"setsiteip?user=alice&ip=192.0.2.1", `{result:[{status:i,statusmsg:s}]}`, "addresses of accounts"},
	{"setupreseller?user=alice", `{result:[{status:i,statusmsg:null}]}`, "resellers"},
	{"saveacllist?acllist=few&acl-passwd=1", `{results:[{status:i,statusmsg:s}]}`, "resellers"},
	{"listacls", `{acls:{few:{}}}`, "resellers"},
	{"setacls?reseller=alice&acllist=few", `{result:[{acls:[s],status:i,statusmsg:s}]}`, "resellers"},
	{"listresellers", `{reseller:[s]}`, "resellers"},
	{"setresellerlimits?user=alice", `{result:[{status:i,statusmsg:s}]}`, "resellers"},
	{"resellerstats?reseller=alice", `{result:{accts:[],bandwidthlimit:i,bwoverselling:i,diskoverselling:i,diskquota:i,reseller:s,status:i,statusmsg:s}}`, "resellers"},
	{"acctcounts?user=alice", `{reseller:{account:s,active:s,limit:s,suspended:i},result:[{status:i,statusmsg:s}]}`, "resellers"},
	{"suspendreseller?user=alice", `{output:s,result:[{status:i,statusmsg:s}]}`, "resellers"},
	{"unsuspendreseller?user=alice", `{output:s,result:[{status:i,statusmsg:s}]}`, "resellers"},
	{"terminatereseller?reseller=alice&terminatereseller=0", `{result:[{accts:{},privdelete:i,status:i,statusmsg:s}]}`, "resellers"},
	{"unsetupreseller?user=alice", `{result:[{status:i,statusmsg:null}]}`, "resellers"},
	{"myprivs", `{privs:{all:i,create-acct:i}}`, ""},
	{"removeacct?user=alice", `{result:[{rawout:null,status:i,statusmsg:s}]}`, ""},
	{"listips", `{result:[{active:i,dedicated:i,if:s,ip:s,mainaddr:i,netmask:s,network:s,removable:i,used:i}]}`, "addresses of the server"},
	{"addip", `{addip:[{errors:[],msgs:s,status:i,statusmsg:s}]}`, "addresses of the server"},
	{"delip", `{delip:[{status:i,statusmsg:s,warnings:[s]}]}`, "addresses of the server"},
	{"adddns?domain=fresh.example&ip=192.0.2.1", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"listzones", `{zone:[{domain:s,zonefile:s}]}`, ""},
	{"dumpzone?domain=fresh.example", `{result:[{record:[],status:i,statusmsg:s}]}`, ""},
	{"addzonerecord?domain=fresh.example&name=x&type=A&address=192.0.2.2", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"getzonerecord?domain=fresh.example&line=1", `{result:[{record:{Line:i,raw:s,type:s},status:i,statusmsg:s}]}`, ""},
	{"getzonerecord?domain=fresh.example&line=25", `{result:[{record:{Line:i,name:s,ttl:s,type:s},status:i,statusmsg:s}]}`, ""},
	{"editzonerecord?domain=fresh.example&line=25&address=192.0.2.3", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"removezonerecord?zone=fresh.example&line=25", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"resetzone?zone=fresh.example", `{result:[{status:i,statusmsg:s}]}`, ""},
	{"killdns?domain=fresh.example", `{result:[{rawout:s,status:i,statusmsg:s}]}`, ""},
	{"lookupnsip", `{ip:null}`, "DNS"},
	{"listcrts", `{crt:[{domain:s}]}`, "certificates"},
	{"fetchsslinfo", `{sslinfo:[{cab:s,crt:s,domain:null,ip:s,key:s,status:i,statusmsg:s,user:s}]}`, "certificates"},
	{"generatessl", `{results:{cert:s,csr:s,key:s,status:i,statusmsg:s}}`, "certificates"},
	{"installssl", `{rawout:s,status:i,statusmsg:s}`, "certificates"},
	{"reboot", `{reboot:s}`, "nothing: this server restarts no machine"},
}

const accountShape = `{disklimit:s,diskused:s,domain:s,email:s,ip:s,maxaddons:s,maxftp:s,maxlst:s,maxparked:s,maxpop:s,maxsql:s,maxsub:s,` +
	`owner:s,partition:s,plan:s,shell:s,startdate:s,suspended:i,suspendreason:s,suspendtime:null,theme:s,unix_startdate:s,user:s}`

// TestRecorded: what is answered in API 0 has every key that was recorded of a
// real server, with its type; and a row that waits is really not there.
func TestRecorded(t *testing.T) {
	s := testserver.New(t)
	auth := "WHM root:" + s.HostToken("recorded")
	for _, row := range recorded {
		name, _, _ := strings.Cut(row.call, "?")
		_, err := s.Calls.Registry.Host0(name)
		if err != nil && row.waits != "" {
			t.Logf("%s waits for %s", name, row.waits)
			continue
		}
		a := s.Get(s.Host, "/json-api/"+row.call, auth)
		var got any
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
			t.Errorf("%s: %v in %s", row.call, err, a.Body)
			continue
		}
		if want, rest := readShape(row.shape); rest != "" {
			t.Fatalf("%s: what is %q?", row.shape, rest)
		} else if why := want.differs(got); why != "" {
			t.Errorf("%s: %s in %s, recorded is %s", row.call, why, a.Body, row.shape)
		}
	}
}

// shape is a type in the notation of the recordings: s, i, null, [element] or
// {key:type}.
type shape struct {
	kind    string
	keys    []string
	members []shape
}

func readShape(text string) (shape, string) {
	switch {
	case strings.HasPrefix(text, "null"):
		return shape{kind: "null"}, text[4:]
	case text[0] != '{' && text[0] != '[':
		return shape{kind: text[:1]}, text[1:]
	}
	s := shape{kind: text[:1]}
	for text = text[1:]; text[0] != '}' && text[0] != ']'; text = strings.TrimPrefix(text, ",") {
		if s.kind == "{" {
			key, rest, _ := strings.Cut(text, ":")
			s.keys, text = append(s.keys, key), rest
		}
		var m shape
		m, text = readShape(text)
		s.members = append(s.members, m)
	}
	return s, text[1:]
}

// differs says where v is of another type, or "".
func (s shape) differs(v any) string {
	ok := false
	switch s.kind {
	case "null":
		ok = v == nil
	case "s":
		_, ok = v.(string)
	case "i":
		_, ok = v.(float64)
	case "[":
		list, is := v.([]any)
		for i := range list {
			for _, m := range s.members {
				if why := m.differs(list[i]); why != "" {
					return fmt.Sprintf("[%d]%s", i, why)
				}
			}
		}
		ok = is && (len(s.members) == 0 || len(list) > 0)
	case "{":
		object, is := v.(map[string]any)
		for i, key := range s.keys {
			value, there := object[key]
			if !there {
				return "." + key + " is missing"
			}
			if why := s.members[i].differs(value); why != "" {
				return "." + key + why
			}
		}
		ok = is
	}
	if !ok {
		return fmt.Sprintf(" is %v (%T), not %s", v, v, s.kind)
	}
	return ""
}

func TestShapeDiffers(t *testing.T) {
	for _, test := range []struct{ shape, json, want string }{
		{`{a:s,b:[{c:i}]}`, `{"a":"x","b":[{"c":1},{"c":2}],"d":0}`, ""},
		{`{a:s}`, `{"a":1}`, ".a is 1 (float64), not s"},
		{`{a:null}`, `{"a":""}`, ".a is  (string), not null"},
		{`{a:[s]}`, `{"a":[]}`, ".a is [] ([]interface {}), not ["},
		{`{a:[]}`, `{"a":[]}`, ""},
		{`{a:[{b:i}]}`, `{"a":[{"b":1},{}]}`, ".a[1].b is missing"},
		{`{a:i}`, `{"a":"1"}`, ".a is 1 (string), not i"},
		{`{}`, `[]`, " is [] ([]interface {}), not {"},
	} {
		var v any
		if err := json.Unmarshal([]byte(test.json), &v); err != nil {
			t.Fatal(err)
		}
		s, rest := readShape(test.shape)
		if got := s.differs(v); got != test.want || rest != "" {
			t.Errorf("%s differs from %s: %q, want %q", test.json, test.shape, got, test.want)
		}
	}
}
