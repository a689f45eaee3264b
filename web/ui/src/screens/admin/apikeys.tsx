// API keys: credentials of programs. A key is shown once, when it is made or rotated.
import { useMemo, useState } from 'react'
import { api, newKey, type Schemas } from '../../api/client'
import { useGet, useMay, useMe, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, SelectField, TextField } from '../../parts/form'
import { actorName, usePeople } from '../../parts/names'
import { Tag, Time } from '../../parts/state'
import { Empty, Failure, Loading } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { Confirm, Once, type Secret } from './once'

type Key = Schemas['APIKey']

function stateOf(k: Key): 'active' | 'revoked' | 'expired' {
  return k.revoked ? 'revoked' : new Date(k.expires) < new Date() ? 'expired' : 'active'
}

export function ApiKeys() {
  const list = useGet('/api/v1/api-keys', {})
  const may = useMay()
  const me = useMe().data
  const people = usePeople()
  const refresh = useRefresh()
  const [making, setMaking] = useState(false)
  const [rotating, setRotating] = useState<Key>()
  const [revoking, setRevoking] = useState<Key>()
  const [secret, setSecret] = useState<Secret>()
  const columns = useMemo((): Column<Key>[] => [
    { id: 'name', header: 'Name', value: (k) => k.name },
    { id: 'key', header: 'Key', mono: true, value: (k) => k.key_id, cell: (k) => <code>qrs_{k.key_id}_…</code> },
    { id: 'state', header: 'State', value: stateOf, cell: (k) => ({ active: <Tag mark="●" tone="ok">Active</Tag>, revoked: <Tag mark="✕" tone="error">Revoked</Tag>, expired: <Tag mark="—" tone="muted">Expired</Tag> })[stateOf(k)] },
    { id: 'owner', header: 'Owner', value: (k) => (k.owner === me?.id ? me.name : actorName(k.owner, people)) },
    { id: 'scopes', header: 'Scopes', wide: true, value: (k) => k.scopes.join(' '), cell: (k) => <Scopes of={k.scopes} /> },
    { id: 'used', header: 'Used (UTC)', value: (k) => k.used, cell: (k) => (k.used ? <Time at={k.used} bare /> : <span className="muted">never</span>) },
    { id: 'expires', header: 'Ends (UTC)', value: (k) => k.expires, cell: (k) => <Time at={k.expires} bare /> },
    { id: 'do', header: 'Actions', value: () => '', cell: (k) => (stateOf(k) === 'active' ? <span className="row-actions">{k.owner === me?.id && may('api-key.rotate') ? <button type="button" onClick={() => setRotating(k)}>Rotate …</button> : null}<button type="button" onClick={() => setRevoking(k)}>Revoke …</button></span> : null) },
  ], [people, me, may])
  const keys = (list.data?.items ?? []) as Key[]
  return (
    <section className="section">
      <div className="section-head"><p className="muted">With a key a program does what its owner may do, within the key's scopes.</p>{may('api-key.add') ? <div className="actions"><button type="button" className="primary" onClick={() => setMaking(true)}>Make a key …</button></div> : null}</div>
      {list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : !list.data ? <Loading /> : keys.length === 0 ? <Empty title="No API keys yet"><p>Make one for each program, with the fewest scopes that it needs, so that one can be revoked without the others.</p></Empty>
        : <Table caption="API keys" stacks columns={columns} rows={keys} rowKey={(k) => k.id} filter keys />}
      {making ? <MakeKey onClose={() => setMaking(false)} onSecret={setSecret} /> : null}
      {rotating ? <RotateKey of={rotating} onClose={() => setRotating(undefined)} onSecret={setSecret} /> : null}
      {revoking ? <Confirm title="Revoke the key" button="Revoke" onClose={() => setRevoking(undefined)} send={async () => {
        await api.delete('/api/v1/api-keys/{id}', { path: { id: revoking.id } })
        await refresh('/api/v1/api-keys')
        toast('Revoked')
      }}><p>“{revoking.name}” ends at once. Programs that use it are refused from their next request on. It stays in the list.</p></Confirm> : null}
      {secret ? <Once of={secret} onClose={() => setSecret(undefined)} /> : null}
    </section>
  )
}

function Scopes({ of }: { of: readonly string[] }) {
  if (of.length <= 3) return <code>{of.join(' ')}</code>
  return <details className="scopes"><summary>{of.length} scopes</summary><code>{of.join(' ')}</code></details>
}

function MakeKey({ onClose, onSecret }: { onClose: () => void; onSecret: (s: Secret) => void }) {
  const refresh = useRefresh()
  const me = useMe().data
  const roles = useGet('/api/v1/roles', {}, { staleTime: Infinity }).data
  const scopes = ((roles?.items ?? []) as Schemas['Role'][]).find((r) => r.name === me?.role)?.scopes ?? []
  const [key] = useState(newKey)
  return (
    <Dialog title="Make an API key" open onClose={onClose} wide>
      <Form button="Make the key" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const expires = new Date(Date.now() + Number(data.get('days')) * 86_400_000).toISOString()
        const made = (await api.post('/api/v1/api-keys', { body: { name: String(data.get('name')), scopes: data.getAll('scopes').map(String), expires }, key })).data
        await refresh('/api/v1/api-keys')
        onClose()
        onSecret({ title: 'API key', name: 'api-key', secret: made.secret, what: <>“{made.api_key.name}”. Programs send it as <code>Authorization: Bearer …</code>. It ends on <Time at={made.api_key.expires} />.</> })
      }}>
        {(fault) => <>
          <TextField label="Name" name="name" required autoFocus maxLength={200} hint="Which program uses it" autoComplete="off" fault={fault('name')} />
          <SelectField label="Good for" name="days" defaultValue="90">{[30, 90, 180, 365].map((d) => <option key={d} value={d}>{d} days</option>)}</SelectField>
          <fieldset className="scope-choice"><legend>Scopes <span className="muted">Fewer are safer.</span></legend>
            {fault('scopes') ? <p className="fault">✕ {fault('scopes')}</p> : null}
            {scopes.map((s) => <label key={s}><input type="checkbox" name="scopes" value={s} /> <code>{s}</code></label>)}
          </fieldset>
        </>}
      </Form>
    </Dialog>
  )
}

const overlaps = [[0, 'at once'], [3600, 'after an hour'], [86_400, 'after a day'], [604_800, 'after seven days']] as const

export function OverlapField() {
  return <SelectField label="The secret of before ends" name="overlap" defaultValue={86_400} hint="Until then both are good, so that programs can change over.">{overlaps.map(([s, text]) => <option key={s} value={s}>{text}</option>)}</SelectField>
}

function RotateKey({ of: k, onClose, onSecret }: { of: Key; onClose: () => void; onSecret: (s: Secret) => void }) {
  const refresh = useRefresh()
  return (
    <Dialog title={`Rotate “${k.name}”`} open onClose={onClose}>
      <Form button="Rotate" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const made = (await api.post('/api/v1/api-keys/{id}/rotate', { path: { id: k.id }, body: { overlap_seconds: Number(data.get('overlap')) } })).data
        await refresh('/api/v1/api-keys')
        onClose()
        onSecret({ title: 'New secret of the key', name: 'api-key', secret: made.secret, what: <>“{k.name}”. Scopes and end stay as they were.</> })
      }}>{() => <OverlapField />}</Form>
    </Dialog>
  )
}
