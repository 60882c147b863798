/** What both installs have in their Kamafile before the first request. */
export const kamafile = {
  install_id: 'i-1',
  is_prototype: true,
  status: 'running',
  ktea: { type: 'virtual', uri: 'none', version: '1.0.0' },
  kama: { type: 'server', uri: 'http://127.0.0.1:1', version: '1.0.0' },
  default_vars: {
    page: {
      title: 'Hello',
      copies: 3,
      colour: 'red',
      size: 'small',
      shown: false,
      nested: { key: 'deep' },
      mail: 'not-a-mail',
      number: '42',
      healthy: 'sick',
      undocumented: 'here',
    },
  },
  vendor_injection_vars: { page: { colour: 'blue' } },
  user_injection_vars: { page: { size: 'large' } },
  user_vars: { page: { copies: 7 } },
  prefs: { theme: 'dark' },
};
