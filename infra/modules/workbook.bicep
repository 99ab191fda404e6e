// Relaydeck's own queries, as a workbook in the portal, for whoever has no dashboard at hand.

param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'relaydeck')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Relaydeck'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: replace(loadTextContent('../workbook.json'), '{{workspace}}', workspaceId)
  }
}
