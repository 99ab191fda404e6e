// Where the dashboard's image lies. The identity may pull before there is an app that wants to.

param location string
param tags object
param names object
param size object
param webPrincipalId string
param networkIsolation bool

var roles = loadJsonContent('../roles.json')

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: names.registry
  location: location
  tags: tags
  sku: {
    name: networkIsolation ? 'Premium' : size.registrySku
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: networkIsolation ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'AzureServices'
  }
}

resource webPulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, webPrincipalId, roles.acrPull)
  scope: registry
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
  }
}

output registryId string = registry.id
output loginServer string = registry.properties.loginServer
