// What lies behind the one address: the first region as long as it is healthy, else the second. Each is an environment of
// its own, with its own project, queues and conversations; nothing moves between them.

param profileName string
param endpointName string
param primaryHost string
param secondaryHost string

var origins = [
  { name: 'first', host: primaryHost, priority: 1 }
  { name: 'second', host: secondaryHost, priority: 2 }
]

resource profile 'Microsoft.Cdn/profiles@2025-06-01' existing = {
  name: profileName
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-06-01' existing = {
  parent: profile
  name: endpointName
}

resource group 'Microsoft.Cdn/profiles/originGroups@2025-06-01' = {
  parent: profile
  name: 'regions'
  properties: {
    sessionAffinityState: 'Enabled'
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 0
    }
    healthProbeSettings: {
      probePath: '/_stcore/health'
      probeProtocol: 'Https'
      probeRequestType: 'GET'
      probeIntervalInSeconds: 30
    }
  }
}

resource regions 'Microsoft.Cdn/profiles/originGroups/origins@2025-06-01' = [for origin in origins: {
  parent: group
  name: origin.name
  properties: {
    hostName: origin.host
    originHostHeader: origin.host
    httpsPort: 443
    priority: origin.priority
    weight: 1000
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
  }
}]

// No cache: it would break the open connections that the pages live on.
resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-06-01' = {
  parent: endpoint
  name: 'all'
  properties: {
    originGroup: {
      id: group.id
    }
    supportedProtocols: ['Http', 'Https']
    httpsRedirect: 'Enabled'
    forwardingProtocol: 'HttpsOnly'
    patternsToMatch: ['/*']
    linkToDefaultDomain: 'Enabled'
    enabledState: 'Enabled'
  }
  dependsOn: [
    regions
  ]
}
