package wire

// Quotas are how much a tenant may have: the body of PUT /api/v1/quotas, where 0 is the appliance's default.
type Quotas struct {
	Queued     int   `json:"queued"`  // runs that wait
	Running    int   `json:"running"` // runs at the same time; more wait
	Portfolios int   `json:"portfolios"`
	Bytes      int64 `json:"bytes"` // of the tenant's files
}

// TenantQuotas are a tenant's quotas with what of them is used: GET /api/v1/quotas.
type TenantQuotas struct {
	Tenant   string `json:"tenant"`
	Quotas   Quotas `json:"quotas"` // defaults filled in
	Used     Quotas `json:"used"`
	Defaults Quotas `json:"defaults"` // of a tenant for which none were set
}
