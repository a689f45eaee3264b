// What the tenant asks of its users.
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useList, useRead, useRefresh } from '../../api/queries'
import { Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { Confirm } from './once'
import { Setting } from './setting'

export function Policy() {
  const policy = useRead('/api/v1/policy', {})
  const users = useList('/api/v1/users', { query: { limit: 1000 } }).items as Schemas['User'][]
  const refresh = useRefresh()
  const [asking, setAsking] = useState(false)
  const without = users.filter((u) => u.state === 'active' && !u.second_factor)
  return (
    <section className="section">
      <Ready of={{ data: policy.data, error: policy.error, refetch: policy.refetch }} rows={3}>{({ data: p, etag }) => (
        <>
          <Setting name="Second factor" value={p.require_second_factor ? 'Required of every user' : 'Required of administrators and approvers'} byDefault="required of administrators and approvers" verb="tenant.change"
            about="An authenticator application or a passkey beside the password. Administrators and approvers need one in any case.">
            <button type="button" onClick={() => setAsking(true)}>{p.require_second_factor ? 'Ask it of fewer …' : 'Require it of everybody …'}</button>
          </Setting>
          {without.length > 0 ? <Notice>{without.length === 1 ? '1 active user has' : `${without.length} active users have`} no second factor: {without.map((u) => u.name).join(', ')}.</Notice> : <Notice tone="ok">Every active user has a second factor.</Notice>}
          {asking ? <Confirm title={p.require_second_factor ? 'Ask the second factor of fewer' : 'Require a second factor of everybody'} button="Change" onClose={() => setAsking(false)} send={async () => {
            await api.put('/api/v1/policy', { etag, body: { require_second_factor: !p.require_second_factor } })
            await refresh('/api/v1/policy', '/api/v1/audit')
            toast('Changed')
          }}>{p.require_second_factor ? <p>Modelers, analysts and viewers could then take their second factor away.</p> : <p>Users without one can do nothing else from their next request on than to enrol it.{without.length > 0 ? ` That is ${without.map((u) => u.name).join(', ')}.` : ''}</p>}</Confirm> : null}
        </>
      )}</Ready>
    </section>
  )
}
