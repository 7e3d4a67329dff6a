package encode

import (
	"fmt"
	"testing"
)

// BenchmarkXML is an answer with 1,000 rows of 40 columns.
func BenchmarkXML(b *testing.B) {
	row := map[string]string{}
	for i := range 40 {
		row[fmt.Sprint("column", i)] = "some text of a column"
	}
	rows := make([]map[string]string, 1000)
	for i := range rows {
		rows[i] = row
	}
	answer := Append(nil, map[string]any{"acct": rows, "status": 1})
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		XML(nil, "listaccts", answer)
	}
}
