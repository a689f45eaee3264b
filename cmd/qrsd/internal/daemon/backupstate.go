package daemon

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/store/backup"
)

// backupState is what the doctor is told of backups; nil: none are configured.
func (a *appliance) backupState() doctor.Backups {
	if a.keeper == nil {
		return nil
	}
	return backupState{a.keeper}
}

// backupState answers the doctor by the schedule that the store keeps.
type backupState struct{ *backup.Keeper }

// LastBackup implements doctor.Backups: the last one that went to every target and passed its quick drill.
func (b backupState) LastBackup(ctx context.Context) (begun time.Time, found bool, err error) {
	s, err := b.PresentSchedule(ctx)
	return s.Succeeded, !s.Succeeded.IsZero(), err
}

// LastDrill implements doctor.Backups. A drill that is at work has not failed.
func (b backupState) LastDrill(ctx context.Context) (ended time.Time, passed, found bool, err error) {
	s, err := b.PresentSchedule(ctx)
	working := s.Working != nil && s.Working.Kind == "drill"
	if s.DrillTried.After(s.Drilled) && !working {
		return s.DrillTried, false, true, err
	}
	return s.Drilled, true, !s.Drilled.IsZero(), err
}
