// A network of its own: one subnet for each part that calls out, one for the private addresses of everything called, and
// the zones that give those addresses their names.

param location string
param tags object
param names object

@description('The first two numbers of the network: 10.80 makes 10.80.0.0/16.')
param addressPrefix string

var zoneNames = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  cosmos: 'privatelink.documents.azure.com'
  search: 'privatelink.search.windows.net'
  foundry: 'privatelink.services.ai.azure.com'
  openai: 'privatelink.openai.azure.com'
  cognitive: 'privatelink.cognitiveservices.azure.com'
  vault: 'privatelink.vaultcore.azure.net'
  registry: 'privatelink.azurecr.io'
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: names.network
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: ['${addressPrefix}.0.0/16']
    }
    subnets: [
      {
        name: 'agents'
        properties: {
          addressPrefix: '${addressPrefix}.0.0/24'
          delegations: [
            { name: 'agents', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'web'
        properties: {
          addressPrefix: '${addressPrefix}.2.0/23'
          delegations: [
            { name: 'web', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'functions'
        properties: {
          addressPrefix: '${addressPrefix}.4.0/24'
          delegations: [
            { name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '${addressPrefix}.5.0/24'
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in items(zoneNames): {
  name: zone.value
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, i) in items(zoneNames): {
  parent: zones[i]
  name: names.network
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

// As text: a reference would not be resolved when the Foundry account is checked, before anything is made.
output agentSubnetId string = '${resourceGroup().id}/providers/Microsoft.Network/virtualNetworks/${names.network}/subnets/agents'
output webSubnetId string = '${network.id}/subnets/web'
output functionSubnetId string = '${network.id}/subnets/functions'
output endpointSubnetId string = '${network.id}/subnets/endpoints'
output zoneNames object = zoneNames
