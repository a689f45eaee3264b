// A row of a setting: its name, its value, its default, who changed it last, and how to change it.
import type { ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { actorName, usePeople } from '../../parts/names'
import { Time } from '../../parts/state'

export function Setting({ name, value, byDefault, about, verb, children }: { name: string; value: ReactNode; byDefault: string; about: ReactNode; verb: string; children?: ReactNode }) {
  return (
    <div className="setting">
      <div><h2>{name}</h2><p className="muted">{about}</p></div>
      <div className="setting-value"><strong>{value}</strong><span className="muted small">Default: {byDefault}</span><LastChange verb={verb} /></div>
      <div className="actions">{children}</div>
    </div>
  )
}

/** Who changed it last and when, by the audit trail; nothing for those who may not read it. */
function LastChange({ verb }: { verb: string }) {
  const may = useMay()
  const people = usePeople()
  const last = useGet('/api/v1/audit/entries', { query: { action: verb, outcome: 'done', order: 'newest', limit: 1 } }, { enabled: may('audit.read') || may('audit.system') }).data
  if (!last) return null
  const entry = (last.items as Schemas['AuditEntry'][])[0]
  if (!entry) return <span className="muted small">Never changed</span>
  return <span className="muted small">Changed by {actorName(entry.actor, people)}, <Time at={entry.time} /></span>
}
