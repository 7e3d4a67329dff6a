package email

import (
	"strconv"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// What API 2 answers where it is something else than a list of UAPI's answer.

type deletion struct {
	RawOut string `json:"rawout"`
	Reason string `json:"reason"`
	Result int    `json:"result"`
}

func deleted(any) any { return []deletion{{Result: 1}} }

type popOfAPI2 struct {
	Email string `json:"email"`
	Login string `json:"login"`
}

func popsOfAPI2(data any) any {
	rows, ok := data.([]any)
	if !ok {
		return data
	}
	list := make([]popOfAPI2, len(rows))
	for i, row := range rows {
		r := row.(*popRow)
		list[i] = popOfAPI2{r.Email, r.Login}
	}
	return list
}

type popWithDiskOfAPI2 struct {
	Email          string          `json:"email"`
	Login          string          `json:"login"`
	User           string          `json:"user"`
	Domain         latchkey.Domain `json:"domain"`
	DiskQuotaBytes any             `json:"_diskquota"` // null is no limit
	DiskQuota      string          `json:"diskquota"`
	HumanDiskQuota string          `json:"humandiskquota"`
	TxtDiskQuota   string          `json:"txtdiskquota"`
	*diskUseOfAPI2
}

type diskUseOfAPI2 struct {
	DiskUsedBytes int64   `json:"_diskused,string"`
	DiskUsed      float64 `json:"diskused"`
	HumanDiskUsed string  `json:"humandiskused"`
	Percent       int64   `json:"diskusedpercent"`
	Percent20     int64   `json:"diskusedpercent20"`
	Modified      string  `json:"mtime"`
}

func popsWithDiskOfAPI2(data any) any {
	rows, ok := data.([]any)
	if !ok {
		return data
	}
	list := make([]popWithDiskOfAPI2, len(rows))
	for i, row := range rows {
		r := row.(*diskRow)
		list[i] = popWithDiskOfAPI2{
			Email: r.Email, Login: r.Login, User: r.User, Domain: r.Domain,
			DiskQuota: r.DiskQuota, HumanDiskQuota: r.HumanDiskQuota, TxtDiskQuota: "unlimited",
		}
		if r.DiskQuotaBytes != 0 {
			list[i].DiskQuotaBytes = strconv.FormatInt(r.DiskQuotaBytes, 10)
			list[i].TxtDiskQuota = strconv.FormatInt(r.DiskQuotaBytes>>20, 10)
		}
		if u := r.diskUse; u != nil {
			list[i].diskUseOfAPI2 = &diskUseOfAPI2{
				u.DiskUsedBytes, inMegabytes(u.DiskUsedBytes), u.HumanDiskUsed, u.Percent, u.Percent20, strconv.FormatInt(u.Modified.Unix(), 10),
			}
		}
	}
	return list
}

type diskUsageRow struct {
	DiskUsed string          `json:"diskused"`
	Domain   latchkey.Domain `json:"domain"`
	Login    string          `json:"login"`
	User     string          `json:"user"`
}

func diskUsageOfAPI2(data any) any {
	u, ok := data.(diskUsage)
	if !ok {
		return data
	}
	return []diskUsageRow{{strconv.FormatFloat(u.DiskUsed, 'f', -1, 64), u.Domain, u.Login, u.User}}
}
