// The function app on Flex Consumption. It holds no key: its identity opens the package, the queues and the host's blobs.

param location string
param tags object
param names object
param size object

@description('The function tools, named as in services/agents/catalogue.py: the functions bear the same names.')
param tools array

param identityId string
param identityClientId string
param blobEndpoint string
param queueEndpoint string
param packageContainer string
param insightsConnectionString string
param workspaceId string

@description('The subnet that the app calls out from. Empty: no network isolation.')
param subnetId string

var alwaysReady = map(tools, tool => { name: 'function:${tool}', instanceCount: size.functionsAlwaysReady })

var settings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: queueEndpoint
  TOOL_STORAGE__clientId: identityClientId
  TOOL_STORAGE__credential: 'managedidentity'
  TOOL_STORAGE__queueServiceUri: queueEndpoint
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: '${names.function}-plan'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: size.zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: names.function
  location: location
  tags: union(tags, { 'azd-service-name': 'tool' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.12'
      }
      scaleAndConcurrency: {
        alwaysReady: size.functionsAlwaysReady > 0 ? alwaysReady : []
        instanceMemoryMB: size.functionMemoryMB
        maximumInstanceCount: size.functionInstances
      }
    }
    siteConfig: {
      appSettings: map(items(settings), setting => { name: setting.key, value: setting.value })
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
    }
  }
}

// Publishing goes by Entra ID; the user names and passwords of old stay off.
resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'FunctionAppLogs', enabled: true }
    ]
  }
}

output name string = app.name
