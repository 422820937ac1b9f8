import EngineInterface

extension DashboardVaultError: MessageConvertible {
    var message: String {
        switch self {
        case .tooMany(let most):
            "there are \(most) accounts already"
        case .invalidName(let name):
            "invalid name of an account: \"\(name)\""
        }
    }
}
