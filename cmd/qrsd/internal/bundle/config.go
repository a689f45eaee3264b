package bundle

import (
	"fmt"
	"path"
	"reflect"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
)

// fieldClass is what is shown of a field of the configuration.
type fieldClass string

const (
	shown  fieldClass = "shown"  // its value: a number, a span, a flag, or one of a few words
	isSet  fieldClass = "is set" // whether there is something
	count  fieldClass = "count"  // how many there are
	within fieldClass = "within" // its own fields, each by its class
	hidden fieldClass = "hidden" // nothing
)

// configFields classifies every field of the configuration and of what it holds, by "package.Type.Field"; TestConfigFields walks the types.
// A field without a class is withheld. Names, addresses and paths are not shown: they say whose appliance it is.
var configFields = map[string]fieldClass{
	"config.Config.File": hidden, "config.Config.Listen": isSet, "config.Config.Hosts": count, "config.Config.URL": isSet, "config.Config.TrustedProxies": count,
	"config.Config.SecurityContact": isSet, "config.Config.Mode": shown, "config.Config.TLS": within, "config.Config.Store": within, "config.Config.Log": within,
	"config.Config.Metrics": within, "config.Config.Support": within, "config.Config.Limits": within, "config.Config.Runs": within, "config.Config.Directory": within,
	"config.Config.Outbound": within, "config.Config.Mail": within, "config.Config.KnownPasswords": count, "config.Config.Record": isSet,
	"config.Config.Backup": within, "config.Config.PublicTrust": shown, "config.Config.Release": within, "config.Release.MetaSeal": isSet, "config.Release.Keys": isSet,
	"config.Config.Quantum": within, "config.Quantum.Region": isSet, "config.Quantum.Bucket": isSet, "config.Quantum.Prefix": isSet, "config.Quantum.Profile": isSet,
	"config.Quantum.InstanceRole": shown, "config.Quantum.Endpoint": isSet, "config.Quantum.ObjectEndpoint": isSet,
	"config.Backup.Recipients": count, "config.Backup.Folders": count, "config.Backup.Buckets": count, "config.Backup.At": shown, "config.Backup.Retention": shown,
	"config.Backup.DrillEvery": shown, "config.Backup.Scratch": isSet,

	"config.TLS.Certificate": isSet, "config.TLS.Key": isSet, "config.TLS.Folder": isSet, "config.TLS.MinVersion": shown, "config.TLS.ClientCA": isSet, "config.TLS.Require": shown,
	"config.Store.Path": isSet, "config.Store.Options": within, "config.Store.Unlock": within,
	"store.Options.Anchor": isSet, "store.Options.AcceptRollback": shown, "store.Options.Alarm": hidden, "store.Options.SealSigner": hidden, "store.Options.MaxSize": shown,
	"store.Options.Ballast": shown, "store.Options.Rand": hidden, "store.Options.Now": hidden,
	"config.Unlock.KeyFile": isSet, "config.Unlock.Passphrase": isSet, "config.Unlock.KMS": within, "config.Unlock.PKCS11": within,
	"config.KMS.Key": isSet, "config.KMS.Endpoint": isSet, "config.KMS.Profile": isSet, "config.KMS.InstanceRole": shown,
	"config.PKCS11.Module": isSet, "config.PKCS11.Token": isSet, "config.PKCS11.Key": isSet, "config.PKCS11.PIN": isSet,
	"config.Log.Level": shown, "config.Log.Format": shown, "config.Log.File": isSet, "config.Log.Size": shown, "config.Log.Keep": shown,
	"config.Config.Traces": within, "config.Traces.Endpoint": isSet, "config.Traces.Authorization": isSet,
	"config.Config.Errors": within, "config.Errors.Endpoint": isSet, "config.Errors.DSN": isSet,
	"config.Metrics.Token": isSet, "config.Support.Recipients": count,
	"config.Runs.Cores": shown, "config.Runs.AtOnce": shown,
	"config.Mail.Server": within, "config.Mail.Secret": isSet,
	"notify.Server.Host": isSet, "notify.Server.Port": shown, "notify.Server.Security": shown, "notify.Server.From": isSet, "notify.Server.User": isSet,
	"notify.Server.Password": hidden, "notify.Server.Roots": hidden, "notify.Server.Timeout": shown,

	"web.Limits.Body": shown, "web.Limits.Upload": shown, "web.Limits.Uploads": shown, "web.Limits.Header": shown, "web.Limits.Connections": shown,
	"web.Limits.PerAddress": shown, "web.Limits.UploadTime": shown, "web.Limits.Read": shown, "web.Limits.Write": shown, "web.Limits.Idle": shown,
	"web.Limits.Work": shown, "web.Limits.Stop": shown, "web.Limits.Heartbeat": shown, "web.Limits.Address": within, "web.Limits.User": within, "web.Limits.Key": within, "web.Limits.Unlock": within,
	"directory.Rate.Burst": shown, "directory.Rate.Every": shown,
	"directory.Options.Breached": hidden, "directory.Options.Limits": within, "directory.Options.Sessions": within, "directory.Options.Hash": within,
	"directory.Options.SecondFactorOptional": shown, "directory.Options.RelyingParty": hidden, "directory.Options.Rand": hidden, "directory.Options.Now": hidden,
	"directory.Limits.Account": within, "directory.Limits.Address": within, "directory.Limits.All": within,
	"directory.SessionLimits.Idle": shown, "directory.SessionLimits.Life": shown,
	"directory.HashCost.Memory": shown, "directory.HashCost.Passes": shown, "directory.HashCost.Threads": shown,

	"outbound.Options.Mode": hidden, "outbound.Options.Allowed": within, "outbound.Options.Public": count, "outbound.Options.Log": hidden, "outbound.Options.Proxy": isSet,
	"outbound.Options.Roots": hidden, "outbound.Options.Pin": hidden, "outbound.Options.Answer": hidden, "outbound.Options.Timeout": shown, "outbound.Options.Now": hidden, "outbound.Options.Resolve": hidden, "outbound.Options.Connect": hidden,
	"outbound.Destination.Host": isSet, "outbound.Destination.Port": shown, "outbound.Destination.Purpose": shown, "outbound.Destination.Plaintext": shown,
	"outbound.Destination.Local": shown, "outbound.Destination.public": hidden,
}

// fieldOf is the name of a field in the table.
func fieldOf(t reflect.Type, f reflect.StructField) string {
	return path.Base(t.PkgPath()) + "." + t.Name() + "." + f.Name
}

// redactConfig is the configuration as its classes show it.
func redactConfig(c *config.Config) (shownFields any, withheldPlaces int) {
	n := 0
	return redactStruct(reflect.ValueOf(c).Elem(), &n), n
}

func redactStruct(v reflect.Value, hiddenPlaces *int) map[string]any {
	out := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		class := configFields[fieldOf(v.Type(), f)]
		if class != shown && class != within {
			*hiddenPlaces++
		}
		if value, ok := redactValue(class, v.Field(i), hiddenPlaces); ok {
			out[f.Name] = value
		}
	}
	return out
}

func redactValue(class fieldClass, v reflect.Value, hiddenPlaces *int) (value any, ok bool) {
	if v.Kind() == reflect.Pointer && class != isSet {
		if v.IsNil() {
			return "none", class == within || class == shown
		}
		v = v.Elem()
	}
	switch class {
	case isSet:
		return map[bool]string{true: "not set", false: "set"}[v.IsZero()], true
	case count:
		return v.Len(), true
	case within:
		if v.Kind() != reflect.Slice {
			return redactStruct(v, hiddenPlaces), true
		}
		all := []any{}
		for i := range v.Len() {
			all = append(all, redactStruct(v.Index(i), hiddenPlaces))
		}
		return all, true
	case shown:
		switch x := v.Interface().(type) {
		case time.Duration:
			return x.String(), true
		case fmt.Stringer:
			return x.String(), true
		default:
			return x, true
		}
	}
	return nil, false
}
