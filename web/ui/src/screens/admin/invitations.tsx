// Invitations: how people get in for the first time, with a password of their own.
import { useMemo, useState } from 'react'
import { api, newKey, type Schemas } from '../../api/client'
import { useGet, useMay, useMe, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form } from '../../parts/form'
import { Tag, Time } from '../../parts/state'
import { Empty, Failure, Loading } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { Confirm, Once, type Secret } from './once'
import { PersonFields } from './users'
import { roleNames, TenantChoice, useTenantChoice } from './whose'

type Invitation = Schemas['Invitation']

export function Invitations() {
  const { tenant } = useTenantChoice()
  const may = useMay()
  const refresh = useRefresh()
  const list = useGet('/api/v1/invitations', { query: { tenant: tenant || undefined } })
  const [inviting, setInviting] = useState(false)
  const [withdrawing, setWithdrawing] = useState<Invitation>()
  const [secret, setSecret] = useState<Secret>()
  const columns = useMemo((): Column<Invitation>[] => [
    { id: 'name', header: 'Name', value: (i) => i.user.name },
    { id: 'email', header: 'E-mail', value: (i) => i.user.email },
    { id: 'role', header: 'Role', value: (i) => i.user.role },
    { id: 'created', header: 'Invited (UTC)', value: (i) => i.created, cell: (i) => <Time at={i.created} bare /> },
    { id: 'expires', header: 'Good until (UTC)', value: (i) => i.expires, cell: (i) => (new Date(i.expires) < new Date() ? <Tag mark="✕" tone="error">Expired</Tag> : <Time at={i.expires} bare />) },
    { id: 'do', header: 'Actions', value: () => '', cell: (i) => (may('user.disable') ? <button type="button" onClick={() => setWithdrawing(i)}>Withdraw …</button> : null) },
  ], [may])
  const items = (list.data?.items ?? []) as Invitation[]
  return (
    <section className="section">
      <div className="section-head"><TenantChoice />{may('user.add') ? <div className="actions"><button type="button" className="primary" onClick={() => setInviting(true)}>Invite somebody …</button></div> : null}</div>
      {list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : !list.data ? <Loading /> : items.length === 0 ? <Empty title="No open invitations"><p>An invitation goes by mail, or into the outbox where no mail server is configured, and is good for seven days.</p></Empty>
        : <Table caption="Open invitations" stacks columns={columns} rows={items} rowKey={(i) => i.id} keys />}
      {inviting ? <Invite tenant={tenant} onClose={() => setInviting(false)} onSecret={setSecret} /> : null}
      {secret ? <Once of={secret} onClose={() => setSecret(undefined)} /> : null}
      {withdrawing ? <Confirm title="Withdraw the invitation" button="Withdraw" onClose={() => setWithdrawing(undefined)} send={async () => {
        await api.delete('/api/v1/invitations/{id}', { path: { id: withdrawing.id }, query: { tenant: tenant || undefined } })
        await refresh('/api/v1/invitations', '/api/v1/users')
        toast('Invitation withdrawn')
      }}><p>The link of {withdrawing.user.email} becomes void, and the user is disabled.</p></Confirm> : null}
    </section>
  )
}

/** Invites somebody, and shows the link once. role: the only one that can be given there. */
export function Invite({ tenant, onClose, onSecret }: { tenant: string; onClose: () => void; onSecret: (s: Secret) => void }) {
  const refresh = useRefresh()
  const me = useMe().data
  const [key] = useState(newKey)
  return (
    <Dialog title="Invite somebody" open onClose={onClose}>
      <p>Who was invited before by the same address gets a new link in place of the old one.</p>
      <Form button="Invite" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const body = { email: String(data.get('email')), name: String(data.get('name')), role: String(data.get('role')) as Schemas['RoleName'] }
        const made = (await api.post('/api/v1/invitations', { query: { tenant: tenant || undefined }, body, key })).data
        await refresh('/api/v1/invitations', '/api/v1/users', '/api/v1/outbox', '/api/v1/people')
        onClose()
        onSecret({ title: 'Invitation', name: 'invitation', secret: `${location.origin}/accept#${made.token}`, what: <>For {made.invitation.user.name} ({made.invitation.user.email}). The same link goes by mail, or waits in the outbox. It is good for seven days.</> })
      }}>
        {(fault) => <PersonFields fault={fault} roles={roleNames(me?.role, tenant, me?.tenant)} />}
      </Form>
    </Dialog>
  )
}
