// Administration: one section at a time, each shown to whoever has its verb.
import type { ComponentType } from 'react'
import { Link, useParams } from 'wouter'
import { useMay } from '../../api/queries'
import { Head } from '../../parts/frame'
import { currentInSight } from '../../parts/sight'
import { Loading, Notice } from '../../parts/states'
import { Devices } from './devices'
import { Diagnostics } from './diagnostics'
import { Egress } from './egress'
import { Health } from './health'
import { Invitations } from './invitations'
import { Keys } from './keys'
import { ApiKeys } from './apikeys'
import { Backups } from './backups'
import { Outbox } from './outbox'
import { Policy } from './policy'
import { QuotaSection } from './quotas'
import { Roles } from './roles'
import { System } from './system'
import { Tenants } from './tenants'
import { Users } from './users'
import { Webhooks } from './webhooks'
import './admin.css'

interface Section { key: string; text: string; verbs: readonly string[]; show: ComponentType }

const sections: readonly Section[] = [
  { key: 'users', text: 'Users', verbs: ['user.list'], show: Users },
  { key: 'invitations', text: 'Invitations', verbs: ['user.list'], show: Invitations },
  { key: 'roles', text: 'Roles', verbs: ['role.list'], show: Roles },
  { key: 'policy', text: 'Second factor', verbs: ['tenant.change'], show: Policy },
  { key: 'tenants', text: 'Tenants', verbs: ['tenant.list'], show: Tenants },
  { key: 'api-keys', text: 'API keys', verbs: ['api-key.list'], show: ApiKeys },
  { key: 'webhooks', text: 'Webhooks', verbs: ['webhook.read'], show: Webhooks },
  { key: 'keys', text: 'Encryption keys', verbs: ['key.list'], show: Keys },
  { key: 'quantum', text: 'Quantum devices', verbs: ['estimate.read'], show: Devices },
  { key: 'egress', text: 'Egress', verbs: ['estimate.read', 'store.status'], show: Egress },
  { key: 'outbox', text: 'Outbox', verbs: ['notice.read'], show: Outbox },
  { key: 'quotas', text: 'Quotas', verbs: ['quota.read'], show: QuotaSection },
  { key: 'backups', text: 'Backups', verbs: ['backup.read'], show: Backups },
  { key: 'health', text: 'Health', verbs: ['store.diagnose'], show: Health },
  { key: 'diagnostics', text: 'Diagnostics', verbs: ['support.bundle'], show: Diagnostics },
  { key: 'system', text: 'System', verbs: ['setting.read'], show: System },
]

export default function Admin() {
  const { section } = useParams<{ section?: string }>()
  const may = useMay()
  const mine = sections.filter((s) => s.verbs.some(may))
  const shown = section ? mine.find((s) => s.key === section) : mine[0]
  if (mine.length === 0) return <div className="screen"><Head title="Admin" /><Loading /></div>
  return (
    <div className="screen">
      <Head title={shown ? `Admin: ${shown.text}` : 'Admin'} />
      <nav className="tabs" aria-label="Sections of the administration" ref={currentInSight}>
        {mine.map((s) => <Link key={s.key} href={`/admin/${s.key}`} aria-current={shown?.key === s.key ? 'page' : undefined}>{s.text}</Link>)}
      </nav>
      {shown ? <shown.show /> : <Absent section={section ?? ''} />}
    </div>
  )
}

function Absent({ section }: { section: string }) {
  const known = sections.find((s) => s.key === section)
  if (!known) return <Notice tone="warn"><strong>There is no section “{section}”.</strong></Notice>
  return <Notice tone="warn"><strong>Your role does not include {known.text}.</strong> It needs the permission {known.verbs.map((v, i) => <span key={v}>{i > 0 ? ' or ' : ''}<code>{v}</code></span>)}. The section Roles lists who has it; an administrator of your tenant can give you another role.</Notice>
}
