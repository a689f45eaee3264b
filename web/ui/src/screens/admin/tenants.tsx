// Tenants: the appliance's customers, for its operator, who sees no data of theirs.
import { useMemo, useState } from 'react'
import { api, newKey, type Schemas } from '../../api/client'
import { useGet, useMay, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, TextField } from '../../parts/form'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { Invite } from './invitations'
import { Confirm, Once, type Secret } from './once'

type Tenant = Schemas['Tenant']

export function Tenants() {
  const list = useGet('/api/v1/tenants', {})
  const may = useMay()
  const refresh = useRefresh()
  const [adding, setAdding] = useState(false)
  const [inviting, setInviting] = useState<Tenant>()
  const [erasing, setErasing] = useState<Tenant>()
  const [certificate, setCertificate] = useState<string>()
  const [secret, setSecret] = useState<Secret>()
  const columns = useMemo((): Column<Tenant>[] => [
    { id: 'name', header: 'Name', value: (t) => t.name ?? '', cell: (t) => t.name ?? <span className="muted">gone with its keys</span> },
    { id: 'state', header: 'State', value: (t) => (t.erased ? 'erased' : 'live'), cell: (t) => (t.erased ? <Tag mark="✕" tone="muted">Erased</Tag> : <Tag mark="●" tone="ok">Live</Tag>) },
    { id: 'created', header: 'Made (UTC)', value: (t) => t.created, cell: (t) => <Time at={t.created} bare /> },
    { id: 'erased', header: 'Erased (UTC)', value: (t) => t.erased, cell: (t) => <Time at={t.erased} bare /> },
    { id: 'id', header: 'Id', mono: true, value: (t) => t.id, cell: (t) => <CopyText text={t.id} /> },
    { id: 'do', header: 'Actions', value: () => '', cell: (t) => (t.erased ? <button type="button" onClick={() => setCertificate(t.id)}>Certificate</button>
      : <span className="row-actions">{may('user.add') ? <button type="button" onClick={() => setInviting(t)}>Invite an administrator …</button> : null}{may('tenant.erase') ? <button type="button" className="danger" onClick={() => setErasing(t)}>Erase …</button> : null}</span>) },
  ], [may])
  const tenants = (list.data?.items ?? []) as Tenant[]
  return (
    <section className="section">
      <div className="section-head"><p className="muted">Each tenant has keys, logs and users of its own.</p>{may('tenant.add') ? <div className="actions"><button type="button" className="primary" onClick={() => setAdding(true)}>Add a tenant …</button></div> : null}</div>
      {list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : !list.data ? <Loading /> : tenants.length === 0 ? <Empty title="No tenants yet" />
        : <Table caption="Tenants" stacks columns={columns} rows={tenants} rowKey={(t) => t.id} filter keys />}
      {adding ? <AddTenant onClose={() => setAdding(false)} onMade={setInviting} /> : null}
      {inviting ? <Invite tenant={inviting.id} onClose={() => setInviting(undefined)} onSecret={setSecret} /> : null}
      {erasing ? <Confirm title={`Erase ${erasing.name}`} button="Destroy its keys" word={erasing.name} onClose={() => setErasing(undefined)} send={async () => {
        await api.delete('/api/v1/tenants/{id}', { path: { id: erasing.id } })
        await refresh('/api/v1/tenants', '/api/v1/keys', '/api/v1/system')
        setCertificate(erasing.id)
        toast('Erased')
      }}><p><strong>It cannot be undone.</strong> The tenant's keys are destroyed, and then what they had encrypted: portfolios, runs, users. Its audit log stays and can still be verified. It takes as long as rewriting the database.</p></Confirm> : null}
      {certificate ? <Certificate tenant={certificate} onClose={() => setCertificate(undefined)} /> : null}
      {secret ? <Once of={secret} onClose={() => setSecret(undefined)} /> : null}
    </section>
  )
}

function AddTenant({ onClose, onMade }: { onClose: () => void; onMade: (t: Tenant) => void }) {
  const refresh = useRefresh()
  const [key] = useState(newKey)
  return (
    <Dialog title="Add a tenant" open onClose={onClose}>
      <Form button="Add the tenant" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const made = (await api.post('/api/v1/tenants', { body: { name: String(data.get('name')) }, key })).data
        await refresh('/api/v1/tenants', '/api/v1/keys', '/api/v1/system')
        toast('Tenant added')
        onClose()
        onMade({ id: made.id, name: made.name, created: new Date().toISOString() })
      }}>{(fault) => <TextField label="Name" name="name" required autoFocus maxLength={200} autoComplete="off" hint="Kept under the tenant's own key. Its first administrator is invited next." fault={fault('name')} />}</Form>
    </Dialog>
  )
}

function Certificate({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const certificate = useGet('/api/v1/tenants/{id}/certificate', { path: { id: tenant } })
  return (
    <Dialog title="Certificate of erasure" open onClose={onClose} wide>
      <Ready of={certificate} rows={6}>{(c) => <>
        <Facts of={[['Tenant', <CopyText key="t" text={c.tenant} />], ['Erased', <Time key="e" at={c.erased} />], ['Keys destroyed', String(c.keys_destroyed.length)], ['Database rewritten', <Time key="d" at={c.database_rewritten} />], ['Audit entries that stay', String(c.audit_entries)], ['No longer readable', c.unreadable], ['Remains', c.remains], ['Not attested', c.not_attested]]} />
        {c.signed ? <details><summary>As it is signed</summary><pre>{c.signed}</pre></details> : null}
        <div className="actions"><a className="button" href={`/api/v1/tenants/${tenant}/certificate`} download={`erasure-${tenant}.json`}>Download</a></div>
      </>}</Ready>
    </Dialog>
  )
}
