package daemon

import (
	"fmt"
	"net"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// States of sd_notify(3).
const (
	ready     = daemon.SdNotifyReady
	reloading = daemon.SdNotifyReloading
	stopping  = daemon.SdNotifyStopping
	watchdog  = daemon.SdNotifyWatchdog
)

// notify tells systemd, where it started the process.
func (a *appliance) notify(states ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(states, "\n")); err != nil {
		a.log.Warn("telling systemd", "error", err)
	}
}

// inherited is the socket that systemd has opened for the process (sd_listen_fds(3)); nil where it has opened none.
func inherited() (net.Listener, error) {
	sockets, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the sockets of systemd: %w", err)
	case len(sockets) == 0:
		return nil, nil
	case len(sockets) > 1 || sockets[0] == nil:
		return nil, fmt.Errorf("systemd hands over %d sockets; the appliance has one port: leave one ListenStream= in the .socket unit", len(sockets))
	}
	return sockets[0], nil
}
