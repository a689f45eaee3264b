package daemon

import (
	"context"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumdesk"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// newDevices leads jobs on quantum devices, whose connections are the appliance's dialer's.
func (a *appliance) newDevices() *quantumdesk.Desk {
	o := quantumdesk.Options{DB: a.db, Mode: a.dialer.Mode}
	if a.config.Quantum != nil {
		o.Client = a.braket
	}
	return quantumdesk.New(o)
}

// braket is a client of Amazon Braket whose requests are entered in a journal.
func (a *appliance) braket(ctx context.Context, j egress.Journal) (*braket.Client, error) {
	q := a.config.Quantum
	c := q.Client()
	c.HTTP, c.Journal = a.dialer.Client(outbound.Circuits), j
	var err error
	c.Credentials, err = braket.Credentials(ctx, braket.CredentialOptions{HTTP: c.HTTP, Region: q.Region, Profile: q.Profile, InstanceRole: q.InstanceRole})
	if err != nil {
		return nil, err
	}
	return c, c.Check()
}
