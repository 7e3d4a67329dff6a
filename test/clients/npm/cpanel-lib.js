// cpanel-lib: WHM under a token and an account under its password, all by GET.
const { createClient } = require('cpanel-lib')
const env = process.env

const admin = () => createClient({ host: env.HOST, port: env.WHM_PORT, username: 'root', accessKey: env.ROOT_TOKEN })
const own = password => createClient({ host: env.HOST, port: env.CPANEL_PORT, username: env.ACCOUNT, password })

// say prints what pick finds in the answer that the client gives to its callback.
const say = (name, client, method, args, pick) => new Promise(resolve => {
  client[method](...args, (err, answer) => {
    console.log(name, err ? `error ${err}` : JSON.stringify(pick(answer)))
    resolve()
  })
})

async function main() {
  const result = a => [a.cpanelresult.event.result, a.cpanelresult.data[0].result, a.cpanelresult.error]
  const envelope = a => [a.status, a.data, a.errors]
  const mailbox = email => ({ email, domain: env.DOMAIN, password: env.SECRET, quota: 10 })

  await say('version', admin(), 'call', ['version', {}], a => Object.keys(a))
  await say('accountsummary', admin(), 'call', ['accountsummary', { user: env.ACCOUNT }], a => [a.status, a.acct[0].domain])
  await say('listaccts', admin(), 'call', ['listaccts', { 'api.version': 1, searchtype: 'user', search: env.ACCOUNT }], a => [a.metadata.result, a.data.acct.map(row => row.user)])
  await say('addpop', own(env.PASSWORD), 'callApi2', ['Email', 'addpop', mailbox('kept')], result)
  await say('addpop through WHM', admin(), 'callApi2', ['Email', 'addpop', mailbox('gone'), env.ACCOUNT], result)
  await say('listpops through WHM', admin(), 'callApi2', ['Email', 'listpops', {}, env.ACCOUNT], a => a.cpanelresult.data.map(row => row.email))
  await say('listpops', own(env.PASSWORD), 'callApi2', ['Email', 'listpops', {}], a => a.cpanelresult.data.map(row => row.email))

  const account = own(env.PASSWORD)
  await say('delete_pop', account, 'callUapi', ['Email', 'delete_pop', { email: 'gone', domain: env.DOMAIN }], envelope)
  await say('list_pops', account, 'callUapi', ['Email', 'list_pops', { skip_main: 1 }], a => a.data.map(row => row.email))
  await say('delete_pop again', account, 'callUapi', ['Email', 'delete_pop', { email: 'gone', domain: env.DOMAIN }], envelope)
  // After a UAPI call this client asks for /execute/cpanel: its own mistake.
  await say('API 2 after UAPI', account, 'callApi2', ['Email', 'listpops', {}], envelope)

  await say('API 1', own(env.PASSWORD), 'callApi1', ['Email', 'addpop', ['one']], a => [a.event.result, a.data.result])
  await say('fetchzones', own(env.PASSWORD), 'callApi2', ['ZoneEdit', 'fetchzones', {}], result)
  await say('API 2, wrong password', own('wrong'), 'callApi2', ['Email', 'listpops', {}], a => a.cpanelresult.error)
  await say('UAPI, wrong password', own('wrong'), 'callUapi', ['Email', 'list_pops', {}], envelope)
}

main()
