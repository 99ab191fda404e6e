// The Foundry account, its model deployment and the project in which the agents live.

param location string
param tags object
param names object
param model object
param projectIdentityId string
param webPrincipalId string
param networkIsolation bool

@description('The subnet of the agents, which belongs to this account alone. Empty: no network isolation. It counts when the account is made, and never again.')
param agentSubnetId string

param workspaceId string

@description('Object id of whoever deploys, to run the dashboard at home against this environment. Empty: nobody.')
param deployerId string
param deployerType string

var roles = loadJsonContent('../roles.json')
var injections = networkIsolation ? [{ scenario: 'agent', subnetArmId: agentSubnetId, useMicrosoftManagedNetwork: false }] : []

resource account 'Microsoft.CognitiveServices/accounts@2026-03-01' = {
  name: names.foundry
  location: location
  tags: tags
  kind: 'AIServices'
  sku: {
    name: 'S0'
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    allowProjectManagement: true
    customSubDomainName: names.foundry
    disableLocalAuth: true
    networkInjections: injections
    publicNetworkAccess: networkIsolation ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: networkIsolation ? 'Deny' : 'Allow'
    }
  }
}

resource deployment 'Microsoft.CognitiveServices/accounts/deployments@2026-03-01' = {
  parent: account
  name: model.name
  sku: {
    name: model.sku
    capacity: model.capacity
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: model.name
      version: model.version
    }
    // Another version answers differently: a change of its own, tried first.
    versionUpgradeOption: 'NoAutoUpgrade'
  }
}

// After the deployment: two changes of one account at the same time end in a conflict.
resource project 'Microsoft.CognitiveServices/accounts/projects@2026-03-01' = {
  parent: account
  name: names.project
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${projectIdentityId}': {}
    }
  }
  properties: {
    displayName: 'Relaydeck'
    description: 'The agents that Relaydeck sends questions to.'
  }
  dependsOn: [
    deployment
  ]
}

resource webUses 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(project.id, webPrincipalId, roles.foundryUser)
  scope: project
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.foundryUser)
  }
}

resource deployerUses 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  name: guid(project.id, deployerId, roles.foundryUser)
  scope: project
  properties: {
    principalId: deployerId
    principalType: deployerType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.foundryUser)
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'Audit', enabled: true }
    ]
  }
}

output accountId string = account.id
output accountName string = account.name
output deploymentName string = deployment.name
output projectId string = project.id
output projectName string = project.name
output projectEndpoint string = 'https://${account.name}.services.ai.azure.com/api/projects/${project.name}'
