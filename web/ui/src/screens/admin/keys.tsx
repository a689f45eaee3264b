// Encryption keys: ids, versions and ages, never the keys; and their rotation.
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useGet, useMay, useMe, useRefresh } from '../../api/queries'
import { count } from '../../format'
import { Tag, Time } from '../../parts/state'
import { Failure, Loading } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { Confirm } from './once'

type Key = Schemas['Key']
type DataKey = Schemas['DataKey']

const appliance = '00000000000000000000000000000000'

export function Keys() {
  const list = useGet('/api/v1/keys', {})
  const may = useMay()
  const me = useMe().data
  const tenants = useGet('/api/v1/tenants', {}, { enabled: may('tenant.list') }).data
  const refresh = useRefresh()
  const [rotating, setRotating] = useState<string>()
  const names = new Map(((tenants?.items ?? []) as Schemas['Tenant'][]).map((t) => [t.id, t.name ?? `${t.id.slice(0, 12)} (erased)`]))
  const nameOf = (id: string) => (id === me?.tenant ? me.tenant_name ?? 'The appliance' : id === appliance ? 'The appliance' : names.get(id) ?? id.slice(0, 12))
  if (list.error) return <Failure error={list.error} retry={() => void list.refetch()} />
  if (!list.data) return <Loading />
  const keys = list.data.items as Key[]
  const owners = [...new Set(keys.map((k) => k.tenant))]
  return (
    <>
      <p className="muted">The root key wraps a key-encryption key of each tenant, which wraps data keys, which encrypt records (AES-256-GCM). After a rotation new records get new keys; the old ones still decrypt.</p>
      {owners.map((owner) => (
        <section key={owner} className="section">
          <div className="section-head"><h2>{nameOf(owner)}</h2>{may('key.rotate') ? <div className="actions"><button type="button" onClick={() => setRotating(owner)}>Rotate …</button></div> : null}</div>
          <div className="thirds">{keys.filter((k) => k.tenant === owner).map((k) => <Hierarchy key={k.hierarchy} of={k} owner={nameOf(owner)} />)}</div>
        </section>
      ))}
      {rotating !== undefined ? <Confirm title={`Rotate the keys of ${nameOf(rotating)}`} button="Rotate" onClose={() => setRotating(undefined)} send={async () => {
        await api.post('/api/v1/keys/rotate', { query: rotating === me?.tenant ? {} : { tenant: rotating } })
        await refresh('/api/v1/keys')
        toast('Rotated')
      }}><p>New key-encryption keys take effect and new data keys begin. Nothing has to stop, and everything stays readable.</p></Confirm> : null}
    </>
  )
}

const columns: readonly Column<DataKey>[] = [
  { id: 'id', header: 'Data key', mono: true, value: (k) => k.id },
  { id: 'purpose', header: 'Collection', number: true, value: (k) => k.purpose },
  { id: 'epoch', header: 'Epoch', number: true, spare: true, value: (k) => k.epoch },
  { id: 'current', header: 'State', value: (k) => (k.current ? 'encrypts' : 'decrypts'), cell: (k) => (k.current ? <Tag mark="●" tone="ok">Encrypts</Tag> : <Tag mark="○" tone="muted">Decrypts</Tag>) },
  { id: 'used', header: 'Used at most', number: true, value: (k) => k.used, cell: (k) => count(k.used) },
  { id: 'created', header: 'Made (UTC)', value: (k) => k.created, cell: (k) => <Time at={k.created} bare /> },
]

function Hierarchy({ of: k, owner }: { of: Key; owner: string }) {
  const late = new Date(k.due) < new Date()
  return (
    <div className="panel hierarchy">
      <h3>{k.hierarchy === 'audit' ? 'Audit' : 'Data'} <span className="muted">{k.hierarchy === 'audit' ? 'outlives an erasure' : 'dies with an erasure'}</span></h3>
      <dl className="mini-facts"><dt>Key-encryption key</dt><dd><code>{k.kek}</code> <Tag mark="●" tone="ok">v{k.version}</Tag></dd><dt>Made</dt><dd><Time at={k.created} /></dd><dt>Rotated by itself</dt><dd>{late ? <Tag mark="!" tone="warn">due since <Time at={k.due} /></Tag> : <Time at={k.due} />}</dd><dt>Destroyed</dt><dd>{count(k.destroyed.length)}</dd></dl>
      <details><summary>{count(k.data_keys.length)} data keys</summary><Table caption={`Data keys of ${owner}, ${k.hierarchy}`} columns={columns} rows={k.data_keys} rowKey={(d) => d.id} sort={{ id: 'purpose' }} /></details>
    </div>
  )
}
