package list

import "strconv"

// Report is what was done to a list. The zero Report is of nothing done.
type Report struct {
	Applied  bool // data was a list, and something was asked of it
	Filtered bool
	Before   int // records before the filter
	Total    int // records after the filter, on all pages
	Paged    bool
	Start    int // the first record of the page, from 1
	Size     int // records on a page
}

// page settles the page and finds which of the records are on it.
func (r *Report) page(p *Page) (from, to int) {
	if p == nil {
		return 0, r.Total
	}
	r.Paged, r.Start, r.Size = true, max(p.Start, 1), p.Size
	if r.Size <= 0 {
		r.Size = r.Total
	}
	from = min(r.Start-1, r.Total)
	if p.Size <= 0 {
		return from, r.Total
	}
	return from, from + min(r.Size, r.Total-from)
}

// pages is how many pages there are, at least one.
func (r Report) pages() int {
	if r.Size == 0 {
		return 1
	}
	return max(1, (r.Total+r.Size-1)/r.Size)
}

// current is the page that Start is on, from 1.
func (r Report) current() int {
	if r.Size == 0 {
		return 1
	}
	return (r.Start-1)/r.Size + 1
}

// Paginate is the report about pages in UAPI and API 2.
type Paginate struct {
	CurrentPage    int    `json:"current_page"`
	ResultsPerPage int    `json:"results_per_page"`
	StartResult    string `json:"start_result"`
	TotalPages     int    `json:"total_pages"`
	TotalResults   int    `json:"total_results"`
}

// Paginate is what stands under paginate; nil when no page was asked for.
func (r Report) Paginate() *Paginate {
	if !r.Paged {
		return nil
	}
	return &Paginate{r.current(), r.Size, strconv.Itoa(r.Start), r.pages(), r.Total}
}

// UAPI is what UAPI's metadata says of a list; {} of one left as it is.
type UAPI struct {
	Filter      *UAPIFilter `json:"filter,omitempty"`
	Paginate    *Paginate   `json:"paginate,omitempty"`
	Transformed bool        `json:"transformed,omitempty"`
}

// UAPIFilter is the report about filters in UAPI.
type UAPIFilter struct {
	RecordsBeforeFilter int `json:"records_before_filter"`
}

// UAPI is r for the metadata of UAPI.
func (r Report) UAPI() UAPI {
	u := UAPI{Paginate: r.Paginate(), Transformed: r.Applied}
	if r.Filtered {
		u.Filter = &UAPIFilter{r.Before}
	}
	return u
}

// WHM is what WHM's metadata says of a list; {} of one left as it is. Its fields
// stand among the others of the metadata.
type WHM struct {
	Chunk  *Chunk     `json:"chunk,omitempty"`
	Filter *WHMFilter `json:"filter,omitempty"`
}

// Chunk is the report about pages in WHM API 1.
type Chunk struct {
	Chunks  int `json:"chunks"`
	Current int `json:"current"`
	Records int `json:"records"`
	Size    int `json:"size"`
	Start   int `json:"start"`
}

// WHMFilter is the report about filters in WHM API 1. Filtered is the number of
// records that the filter was given: so the official client reads it.
type WHMFilter struct {
	Filtered int `json:"filtered"`
}

// WHM is r for the metadata of WHM API 1.
func (r Report) WHM() WHM {
	var w WHM
	if r.Paged {
		w.Chunk = &Chunk{r.pages(), r.current(), r.Total, r.Size, r.Start}
	}
	if r.Filtered {
		w.Filter = &WHMFilter{r.Before}
	}
	return w
}
